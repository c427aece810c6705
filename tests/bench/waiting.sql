-- Puts :jobs jobs of :users users into the queue of a full pool, without the price of creating each.
set session_replication_role = replica;
insert into auth.users (id, email, is_anonymous)
  select ('00000000-0000-4000-8000-' || lpad(to_hex(i), 12, '0'))::uuid, i || '@example.com', false
  from generate_series(1, %(users)s) i;
insert into public.ai_jobs (id, user_id, provider, kind, stage, request_payload, credits_cost, stages, stage_credits)
  select gen_random_uuid(), u.id, 'MESHY', 'text_to_3d', 'PREVIEW', '{"prompt": "x"}', 10, '{PREVIEW,DELIVER}', '{10,0}'
  from generate_series(1, %(jobs)s) n
  join auth.users u on u.id = ('00000000-0000-4000-8000-' || lpad(to_hex(n %% %(users)s + 1), 12, '0'))::uuid;
insert into meshqueue.waiting (job_id, user_id, pool, tier, stage)
  select j.id, j.user_id, 'meshy', 1, 'PREVIEW' from public.ai_jobs j;
insert into meshqueue.ring (pool, tier, user_id) select distinct 'meshy', 1, w.user_id from meshqueue.waiting w;
with run as (
  insert into meshqueue.runs (job_id, user_id, provider, stage, pool, credits)
  select gen_random_uuid(), gen_random_uuid(), 'MESHY', 'PREVIEW', 'meshy', 10 from generate_series(1, 10)
  returning id
), numbered as (
  select id, row_number() over () as place from run
)
update meshqueue.slots s set run_id = n.id, taken_at = now()
  from numbered n, (select id, row_number() over () as place from meshqueue.slots where pool = 'meshy') f
  where f.place = n.place and s.id = f.id;
reset session_replication_role;
create schema bench;
-- Seconds to free the slot that was taken first and to admit the next job, in the server, without the commit.
-- Then, untimed, the job that ended waits once more, so that the queue keeps its length.
create function bench.free_and_admit(out seconds double precision, out admitted uuid)
language plpgsql as $$
declare
  done meshqueue.runs;
  began timestamptz;
begin
  select r.* into done from meshqueue.slots s join meshqueue.runs r on r.id = s.run_id
    where s.pool = 'meshy' order by r.id limit 1;
  began := clock_timestamp();
  perform meshqueue.close_run(done, 'done');
  seconds := extract(epoch from clock_timestamp() - began);
  select r.user_id into strict admitted from meshqueue.runs r order by r.id desc limit 1;
  delete from meshqueue.runs r where r.id = done.id;
  insert into meshqueue.waiting (job_id, user_id, pool, tier, stage)
    select j.id, j.user_id, 'meshy', 1, 'PREVIEW' from public.ai_jobs j where j.id = done.job_id;
  insert into meshqueue.ring (pool, tier, user_id)
    select 'meshy', 1, j.user_id from public.ai_jobs j where j.id = done.job_id
    on conflict do nothing;
end $$;
analyze;
