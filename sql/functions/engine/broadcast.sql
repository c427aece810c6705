-- News on the private topic of one user. realtime.send swallows its own errors: never a promise.

create function meshqueue.broadcast(owner uuid, event text, payload jsonb)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  if to_regproc('realtime.send') is not null then
    perform realtime.send(payload, event, 'user:' || owner, true);
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
