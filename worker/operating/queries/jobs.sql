-- With `failed`, `since` and `until` are about the failure, else about the creation.
select j.id, j.status, j.stage, j.progress, j.provider, j.kind, j.user_id, u.email, j.client_task_id,
  j.request_payload ->> 'prompt' as prompt, j.credits_cost, j.error_code, j.error_message, j.retry_of, j.created_at,
  j.started_at, j.finished_at, j.deadline_at
from public.ai_jobs j left join auth.users u on u.id = j.user_id
where (%(ids)s::uuid[] is null or j.id = any (%(ids)s))
  and (%(statuses)s::public.job_status[] is null or j.status = any (%(statuses)s::public.job_status[]))
  and (%(users)s::uuid[] is null or j.user_id = any (%(users)s))
  and (%(provider)s::public.provider_type is null or j.provider = %(provider)s::public.provider_type)
  and (%(failed)s::text is null or j.status = 'FAILED' and j.error_code = %(failed)s)
  and (%(since)s::timestamptz is null
    or case when %(failed)s::text is null then j.created_at else j.finished_at end >= %(since)s)
  and (%(until)s::timestamptz is null
    or case when %(failed)s::text is null then j.created_at else j.finished_at end <= %(until)s)
order by j.created_at desc, j.id
limit %(limit)s
