-- Which key sees what: a task that was bought with one key may be invisible to another (a 404, as if it had never been),
-- also to a second key of the same user. So who has the right one comes first.

-- Everything paid for that this run still watches or builds on, its own and that of the finished stages, also of those
-- that a retry inherited.
create function meshqueue.built_on(run meshqueue.runs)
returns setof meshqueue.submissions
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select s.*
  from meshqueue.runs d join meshqueue.submissions s on s.run_id = d.id
  where d.job_id = run.job_id and (d.id = run.id or d.state = 'done')
    and s.outcome in ('intent', 'accepted', 'lost', 'succeeded')
  union all
  select s.*
  from meshqueue.runs d
  cross join jsonb_path_query(d.result, '$.tasks[*].id') t
  join meshqueue.submissions s on s.provider = d.provider and s.task_id = t #>> '{}' and s.run_id <> d.id
  where d.job_id = run.job_id and d.state = 'done'
$$;
revoke execute on function meshqueue.built_on(meshqueue.runs) from public, anon, authenticated;

-- The newest task decides: with tasks of two keys, two workers would else wait for each other. Null: none, or unknown.
create function meshqueue.key_of(run meshqueue.runs)
returns text
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select s.key from meshqueue.built_on(run) s
  order by s.run_id = run.id desc, s.ended_at is null desc, s.intent_at desc limit 1
$$;
revoke execute on function meshqueue.key_of(meshqueue.runs) from public, anon, authenticated;

-- A key that the provider refuses sees nothing. One without credit sees all that it bought.
create function meshqueue.key_sees(of_provider public.provider_type, fingerprint text)
returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from meshqueue.workers w
    where meshqueue.worker_lives(w) and w.serves ->> of_provider::text = fingerprint
  ) and not exists (
    select from meshqueue.pauses p
    where p.provider = of_provider and p.fingerprint = key_sees.fingerprint and p.reason = 'unauthorised'
  )
$$;
revoke execute on function meshqueue.key_sees(public.provider_type, text) from public, anon, authenticated;

-- Where nobody has the right key, anybody may look: a new key of the same account may see everything.
create function meshqueue.waits_for_another_key(run meshqueue.runs, asker meshqueue.workers)
returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(k.key <> asker.serves ->> run.provider::text and meshqueue.key_sees(run.provider, k.key), false)
  from (select meshqueue.key_of(run) as key) k
$$;
revoke execute on function meshqueue.waits_for_another_key(meshqueue.runs, meshqueue.workers)
  from public, anon, authenticated;

create function meshqueue.has_another_key(bought meshqueue.submissions, by_worker uuid)
returns boolean
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select exists (
    select from meshqueue.workers w where w.id = by_worker and w.serves ->> bought.provider::text <> bought.key
  )
$$;
revoke execute on function meshqueue.has_another_key(meshqueue.submissions, uuid) from public, anon, authenticated;

-- The tasks that its holder may not see.
create function meshqueue.tasks_of_other_keys(run meshqueue.runs)
returns jsonb
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select coalesce(jsonb_agg(distinct s.task_id), '[]')
  from meshqueue.built_on(run) s
  where s.task_id is not null and meshqueue.has_another_key(s, run.worker_id)
$$;
revoke execute on function meshqueue.tasks_of_other_keys(meshqueue.runs) from public, anon, authenticated;

-- Workers listen on a queue of their own key too. A wake-up in the queue of all would be a lottery, which workers that
-- look at the same moments can lose for ever.
create function meshqueue.leave_to_its_key(run meshqueue.runs)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
  update meshqueue.runs r
    set state = case r.state when 'draining' then r.state else 'held' end, worker_id = null,
      held_for = case r.state when 'draining' then null else 'other_key' end, wake_at = now()
    where r.id = run.id;
  perform meshqueue.wake_stage(run.job_id, run.provider, run.stage, of_key => meshqueue.key_of(run));
end
$$;
revoke execute on function meshqueue.leave_to_its_key(meshqueue.runs) from public, anon, authenticated;

-- Of a key that no living worker has any more: the runs are found forgotten, and anybody's.
create function meshqueue.drop_unread_wakeups()
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  delete from procrastinate.procrastinate_jobs q
  where q.status = 'todo' and q.queue_name ~ '^(stages|deliveries)_[a-z]+_' and not exists (
    select from meshqueue.workers w cross join jsonb_each_text(w.serves) k (provider, fingerprint)
    where meshqueue.worker_lives(w)
      and substr(q.queue_name, strpos(q.queue_name, '_') + 1) = lower(k.provider) || '_' || k.fingerprint
  )
$$;
revoke execute on function meshqueue.drop_unread_wakeups() from public, anon, authenticated;
