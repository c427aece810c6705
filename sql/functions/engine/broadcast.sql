-- News on the private topic of one user. realtime.send swallows its own errors: never a promise.
-- Without the platform, a server of the app's own may listen on the channel meshqueue_news, where the setting
-- `notify_news` asks for it: not by default, a NOTIFY makes commits wait for each other.

create function meshqueue.broadcast(owner uuid, event text, payload jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if to_regproc('realtime.send') is not null then
    perform realtime.send(payload, event, 'user:' || owner, true);
  end if;
  if meshqueue.setting('notify_news') = 'true' then
    perform pg_notify('meshqueue_news',
      jsonb_build_object('topic', 'user:' || owner, 'event', event, 'payload', payload)::text);
  end if;
end
$$;
revoke execute on function meshqueue.broadcast(uuid, text, jsonb) from public, anon, authenticated;

create function meshqueue.tell_job(job public.ai_jobs)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  perform meshqueue.broadcast(job.user_id, 'job', jsonb_build_object(
    'job_id', job.id, 'status', job.status, 'stage', job.stage, 'progress', job.progress));
end
$$;
revoke execute on function meshqueue.tell_job(public.ai_jobs) from public, anon, authenticated;
