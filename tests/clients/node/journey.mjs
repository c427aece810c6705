// One journey of an app: what to call comes as an argument, what happens goes out line by line. A line in: abort.
import { createInterface } from 'node:readline'
import { createClient } from '@supabase/supabase-js'
import ws from 'ws'
import * as meshqueue from './meshqueue.js'

// The timers that the file under test set and neither cleared nor saw ring.
const timers = new Set()
const { setTimeout: set, clearTimeout: clear } = globalThis
globalThis.setTimeout = (ring, wait, ...given) => {
  const ours = new Error().stack.split('\n')[2].includes('/meshqueue.js')
  const timer = set(() => (timers.delete(timer), ring(...given)), wait)
  if (ours) timers.add(timer)
  return timer
}
globalThis.clearTimeout = (timer) => (timers.delete(timer), clear(timer))

const { url, key, session, user_id: userId, call, request } = JSON.parse(process.argv[2])
const say = (what, value) => process.stdout.write(`${JSON.stringify({ what, value })}\n`)
process.on('unhandledRejection', (error) => say('unhandled', String(error)))

const stored = new Map([['session', JSON.stringify(session)]])
const storage = {
  getItem: (name) => stored.get(name) ?? null,
  setItem: (name, value) => stored.set(name, value),
  removeItem: (name) => stored.delete(name),
}
const signedIn = { auth: { storage, storageKey: 'session', autoRefreshToken: false } }
const supabase = createClient(url, key, {
  ...(call === 'own' ? { accessToken: async () => session.access_token } : signedIn),
  realtime: { transport: globalThis.WebSocket ?? ws, disconnectOnEmptyChannelsAfterMs: 0 },
})

const controller = new AbortController()
createInterface({ input: process.stdin }).on('line', () => controller.abort())
const { signal } = controller
const onProgress = (job) => say('seen', job)
const bytes = (image) => Buffer.from(image, 'base64')

const calls = {
  async generate() {
    const images = request.images?.map((image, n) => (n ? { data: bytes(image), angle: 'left' } : new Blob([bytes(image)])))
    const { job, files } = await meshqueue.generateModel(supabase, { ...request, images }, { onProgress, signal })
    const model = files.find((file) => file.role === 'model' && file.format === 'glb')
    const data = await meshqueue.downloadModel(supabase, model)
    return { job, files, magic: Buffer.from(data.slice(0, 4)).toString(), bytes: data.length }
  },
  watch: () => meshqueue.watchJob(supabase, request.id, onProgress, { signal }),
  signed: () => meshqueue.signedUrls(supabase, request.job),
  cancel: () => meshqueue.cancelJob(supabase, request.id),
  async mistaken() {
    return meshqueue.watchJob(supabase, request.id, async () => {
      throw new Error('the app\'s own')
    })
  },
  async own() {
    const job = await meshqueue.createJob(supabase, { images: request.images.map(bytes) }, { userId })
    const canceling = new Promise((done) => set(() => done(meshqueue.cancelJob(supabase, job.id)), 1000))
    return (await Promise.all([meshqueue.watchJob(supabase, job.id), canceling]))[0]
  },
  async both() {
    const [one, other] = request.ids
    return Promise.all([one, other].map((id) => meshqueue.watchJob(supabase, id, onProgress)))
  },
}

try {
  say('end', await calls[call]())
} catch (error) {
  const { name, message, code, details, hint, job } = error
  say('error', { name, message, code, details, hint, job })
}
for (let turn = 0; turn < 100 && supabase.getChannels().length; turn++) await new Promise((next) => set(next, 20))
say('left', { timers: timers.size, channels: supabase.getChannels().length })
process.exit()
