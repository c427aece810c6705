// One file to copy into an app: generate a 3D model, watch its job, get the files.
// Browser, React Native, Node.js >= 20. Needs nothing but the app's own Supabase client, signed in.

const FIRST_PAUSE = 1_000, SILENT_PAUSE = 10_000, LIVE_PAUSE = 30_000
const LOOK_TIMEOUT = 15_000, CREATE_TIMEOUT = 30_000, UPLOAD_TIMEOUT = 120_000, DOWNLOAD_TIMEOUT = 600_000
const REPEATS = 4
const ENDED = ['SUCCEEDED', 'FAILED', 'CANCELED']

const SENTENCES = {
  PT401: () => 'Please sign in first.',
  42501: () => 'Please sign in first.',
  PT402: ({ needed, available }) => `This costs ${needed} credits, and you have ${available}.`,
  PT429: ({ retry_after }) => `Too many requests. Please try again in ${retry_after} seconds.`,
  no_answer: () => 'No answer came. Please check the connection and try again.',
  canceled: () => 'The job was canceled.',
}

/** `message` can be shown; `code`, `details` and `hint` are the server's; `job` is there once one exists. */
export class JobError extends Error {
  constructor({ code, message, details, hint, status = 0 }) {
    const parsed = opened(details)
    super(SENTENCES[code]?.(parsed ?? {}) ?? message ?? 'Something went wrong.')
    Object.assign(this, { name: 'JobError', code, details: parsed, hint, status })
  }

  /** The same again may help: nobody answered, or nobody could. */
  get transient() {
    const closed = this.code === 'PT503' && !this.details?.retry_after // the provider is paused
    return this.status === 0 ? this.code === 'no_answer' : this.status === 408 || (this.status >= 500 && !closed)
  }
}

const refusal = (status, message, details) => new JobError({ code: `PT${status}`, message, details, status })

/** From a prompt to `{ job, files }`, each file with a signed `url`. Aborting stops the waiting, not the job. */
export async function generateModel(supabase, request, { onProgress, signal, userId, seconds } = {}) {
  let job = await createJob(supabase, request, { signal, userId })
  try {
    job = await watchJob(supabase, job.id, onProgress, { signal })
    return { job, files: await signedUrls(supabase, succeeded(job), seconds, { signal }) }
  } catch (error) {
    if (error instanceof JobError) error.job = job
    throw error
  }
}

/**
 * The job's row; charged once, however often it had to be asked for. `images`: Blob, File, bytes, {uri} (React Native),
 * {path} or {url}; with an angle: {data, angle}. Every other field of a request stands beside `prompt`. With an
 * `idempotency_key` of your own it may be called again. `userId`: for clients that bring their own access token.
 */
export async function createJob(supabase, request, { signal, userId } = {}) {
  const { images = [], client_task_id, metadata, idempotency_key = uuid(), ...payload } = request
  const call = { request_payload: payload, client_task_id, metadata, idempotency_key }
  const uploaded = []
  let asked = false
  try {
    if (images.length) {
      const owner = userId ?? (await within(LOOK_TIMEOUT, signal, () => signedIn(supabase)))
      payload.images = []
      for (const image of images) payload.images.push(await place(supabase, owner, image, uploaded, signal))
    }
    asked = true
    const create = (stop) => supabase.rpc('create_ai_job_with_credits', call).abortSignal(stop)
    return (await insist(CREATE_TIMEOUT, signal, create))[0]
  } catch (error) {
    if (error instanceof JobError) error.idempotency_key = idempotency_key
    // Refused at the first asking: no job needs the images. After a lost answer, or when aborted, one may.
    const unused = !asked || (error instanceof JobError && error.attempt === 0)
    if (unused && uploaded.length) {
      const removed = supabase.storage.from('inputs').remove(uploaded).catch(() => {})
      await within(LOOK_TIMEOUT, signal, () => removed).catch(() => {})
    }
    throw error
  }
}

/** The job's row when it has ended, however. `onProgress(job)` is called when status, stage or progress changed. */
export async function watchJob(supabase, jobId, onProgress = () => {}, { signal } = {}) {
  const inbox = [], alarm = {}
  const hear = (message) => {
    if (message.job_id && message.job_id !== jobId) return
    inbox.push(message)
    alarm.ring?.()
  }
  let job, line, pause = FIRST_PAUSE
  const show = (news) => {
    const before = job
    job = { ...before, ...news, progress: Math.max(before?.progress ?? 0, news.progress ?? 0) }
    if (['status', 'stage', 'progress'].every((field) => before?.[field] === job[field])) return
    Promise.resolve(onProgress(job)).catch((thrown) => hear({ thrown })) // an async one is not waited for
  }
  try {
    for (;;) {
      const row = await look(supabase, jobId, signal)
      if (row) show(row)
      if (ENDED.includes(row?.status)) return row
      if (row && (!line || line.closed)) line = tuneIn(supabase, `user:${row.user_id}`, hear)
      for (let due = false; !due; ) {
        if (!inbox.length) await rest(pause * (0.75 + Math.random() / 2), signal, alarm)
        const message = inbox.shift()
        if (message && 'thrown' in message) throw message.thrown
        due = message?.event !== 'progress'
        if (!due) show({ stage: message.stage, progress: message.progress })
        // Messages may be missing at first and get lost at any time: after each join looks are frequent, then rarer.
        else if (message?.joined !== undefined) pause = FIRST_PAUSE
        else if (!message) pause = Math.min(2 * pause, line?.live ? LIVE_PAUSE : SILENT_PAUSE)
      }
    }
  } finally {
    line?.leave(hear)
  }
}

/** Stops the job and gives the reserved credits back. */
export const cancelJob = async (supabase, jobId, { signal } = {}) =>
  (await insist(CREATE_TIMEOUT, signal, (stop) =>
    supabase.rpc('cancel_ai_job', { job_id: jobId }).abortSignal(stop)))[0]

/** The job's files, each with a `url` that needs no header and lives `seconds`. */
export async function signedUrls(supabase, job, seconds = 3600, { signal } = {}) {
  const select = (stop) => supabase.from('asset_files').select('*').eq('job_id', job.id).order('id').abortSignal(stop)
  const rows = await insist(LOOK_TIMEOUT, signal, select)
  // Not stored: the provider's own URLs. Stored, and gone since: nothing.
  const files = rows.length ? rows : (job.result_payload?.files ?? []).filter((file) => file.url)
  return Promise.all(files.map(async (file) => ({ ...file, url: await urlOf(supabase, file, seconds, signal) })))
}

/** The bytes of one of the files. */
export async function downloadModel(supabase, file, { signal } = {}) {
  const url = await urlOf(supabase, file, 3600, signal)
  return insist(DOWNLOAD_TIMEOUT, signal, async (stop) => ({ data: await fetched(url, stop) }))
}

function succeeded(job) {
  if (job.status === 'SUCCEEDED') return job
  throw new JobError({ code: job.error_code ?? job.status.toLowerCase(), message: job.error_message })
}

async function urlOf(supabase, { bucket, path, url }, seconds, signal) {
  if (!path) return url
  const sign = () => supabase.storage.from(bucket).createSignedUrl(path, seconds)
  return (await insist(LOOK_TIMEOUT, signal, sign)).signedUrl
}

async function signedIn(supabase) {
  const { data } = await supabase.auth.getSession()
  if (!data.session) throw refusal(401)
  return data.session.user.id
}

async function place(supabase, owner, image, uploaded, signal) {
  const plain = Object.getPrototypeOf(image) === Object.prototype // a File may have a `path` too
  if (plain && (image.path || image.url)) return image
  const { uri, data, angle } = plain ? image : { data: image }
  const bytes = await within(UPLOAD_TIMEOUT, signal, (stop) => (uri ? fetched(uri, stop) : bytesOf(data)))
  const type = typeOf(bytes)
  if (!type) throw refusal(400, 'An image must be a PNG, JPEG or WebP.', 'images')
  const path = `${owner}/${uuid()}.${type}`
  uploaded.push(path)
  const upload = () => supabase.storage.from('inputs').upload(path, bytes, { contentType: `image/${type}` })
  await insist(UPLOAD_TIMEOUT, signal, upload).catch((error) => {
    if (!(error?.code === '409' && error.attempt > 0)) throw error // else it lies there: only the answer was lost
  })
  return { path, angle }
}

const bytesOf = async (given) =>
  given instanceof Uint8Array ? given : new Uint8Array(given instanceof ArrayBuffer ? given : await given.arrayBuffer())

async function fetched(url, stop) {
  const answer = await fetch(url, { signal: stop }).catch(() => { throw new JobError({ code: 'no_answer' }) })
  const { ok, status } = answer
  if (!ok) throw new JobError({ code: String(status), message: `The file's server answered ${status}.`, status })
  return new Uint8Array(await answer.arrayBuffer().catch(() => { throw new JobError({ code: 'no_answer' }) }))
}

function typeOf(bytes) {
  const head = String.fromCharCode(...bytes.subarray(0, 12))
  if (head.startsWith('\x89PNG')) return 'png'
  if (head.startsWith('\xff\xd8')) return 'jpeg'
  return /^RIFF[^]{4}WEBP/.test(head) ? 'webp' : undefined
}

async function look(supabase, jobId, signal) {
  try {
    const select = (stop) => supabase.from('ai_jobs').select('*').eq('id', jobId).abortSignal(stop)
    const [row] = await answered(LOOK_TIMEOUT, signal, select)
    if (!row) throw refusal(404, 'There is no such job.', 'job_id')
    return row
  } catch (error) {
    if (!error?.transient) throw error // else the next look will tell
  }
}

// One channel for all watchers of a client: joining a topic a second time would end the first.
const lines = new WeakMap()

function tuneIn(supabase, topic, hear) {
  if (!lines.has(supabase)) lines.set(supabase, new Map())
  const open = lines.get(supabase)
  const taken = supabase.getChannels().some((channel) => channel.topic === `realtime:${topic}`)
  if (!open.has(topic) && taken) return undefined // the app's own, or one that is still leaving
  const line = open.get(topic) ?? openLine(supabase, topic, open)
  line.hearers.add(hear)
  return line
}

function openLine(supabase, topic, open) {
  const channel = supabase.channel(topic, { config: { private: true } })
  const hearers = new Set()
  const tell = (message) => hearers.forEach((hear) => hear(message))
  const close = () => {
    line.closed = true
    if (open.get(topic) === line) open.delete(topic)
    supabase.removeChannel(channel).catch(() => {})
  }
  const leave = (hear) => hearers.delete(hear) && !hearers.size && !line.closed && close()
  const line = { hearers, leave, live: false, closed: false }
  const turned = (status) => {
    const joined = status === 'SUBSCRIBED', changed = joined || line.live
    line.live = joined
    if (status === 'CLOSED' && !line.closed) close()
    if (changed) tell({ joined })
  }
  for (const event of ['job', 'progress']) {
    channel.on('broadcast', { event }, ({ payload }) => tell({ ...payload, event }))
  }
  open.set(topic, line)
  const join = async () => {
    await supabase.realtime.setAuth()
    if (!line.closed) channel.subscribe(turned)
  }
  join().catch(close) // without Realtime, looks alone tell
  return line
}

const uuid = () => globalThis.crypto?.randomUUID?.() ?? 'xxxxxxxx-xxxx-4xxx-8xxx-xxxxxxxxxxxx'.replace(/x/g, () =>
  Math.floor(Math.random() * 16).toString(16)) // names, not secrets

function opened(details) {
  try {
    return typeof details === 'string' && details.startsWith('{') ? JSON.parse(details) : details
  } catch {
    return details
  }
}

async function insist(timeout, signal, send) {
  for (let attempt = 0; ; attempt++) {
    try {
      return await answered(timeout, signal, send)
    } catch (error) {
      if (error instanceof JobError) error.attempt = attempt
      if (!error?.transient || attempt === REPEATS) throw error
      await rest((error.details?.retry_after ?? 0.5 * 2 ** attempt) * 1000, signal)
    }
  }
}

async function answered(timeout, signal, send) {
  const { data, error, status } = await within(timeout, signal, send)
  if (!error) return data
  const { message, details, hint } = error
  const met = Number(error.statusCode ?? error.status ?? status ?? 0) // Storage says 400 and means its statusCode
  const code = error.statusCode || error.code || (met ? String(met) : 'no_answer')
  throw new JobError({ code, message, details, hint, status: met })
}

/** What `send` answers, or an error when that takes too long or is aborted: at once, whatever `send` does then. */
async function within(timeout, signal, send) {
  const alarm = {}, controller = new AbortController()
  const late = rest(timeout, signal, alarm).then(() => {
    throw new JobError({ code: 'no_answer' })
  })
  late.catch(() => {})
  try {
    return await Promise.race([late, signal?.aborted ? late : send(controller.signal)])
  } finally {
    alarm.ring?.()
    controller.abort()
  }
}

/** Ends after `ms`, or when the alarm rings; throws when aborted. */
const rest = (ms, signal, alarm = {}) =>
  new Promise((resolve, reject) => {
    const end = (settle, value) => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', abort)
      alarm.ring = undefined
      settle(value)
    }
    const abort = () => end(reject, signal.reason ?? Object.assign(new Error('aborted'), { name: 'AbortError' }))
    const timer = setTimeout(() => end(resolve), ms)
    alarm.ring = () => end(resolve)
    if (signal?.aborted) abort()
    else signal?.addEventListener('abort', abort)
  })
