-- A test's minute passes in a second: what the engine waits for after a lost request, and how long a lease is.

create or replace function meshqueue.lease()
returns interval
language sql immutable
as $$
  select interval '4 seconds'
$$;

create function meshqueue.hurry_lost()
returns trigger
language plpgsql
as $$
begin
  new.gave_up_at := least(new.gave_up_at, now()) - interval '58 seconds';
  return new;
end
$$;

create trigger hurry_lost before update on meshqueue.submissions
  for each row when (new.outcome = 'lost' and old.outcome <> 'lost') execute function meshqueue.hurry_lost();

-- Who ever held which run: a run that changes hands while its holder lives would show here.

create table meshqueue.hands (run bigint, worker uuid, attempt integer, primary key (run, worker, attempt));

create function meshqueue.note_hands()
returns trigger
language plpgsql
as $$
begin
  insert into meshqueue.hands values (new.id, new.worker_id, new.attempt) on conflict do nothing;
  return null;
end
$$;

create trigger note_hands after update on meshqueue.runs
  for each row when (new.worker_id is not null) execute function meshqueue.note_hands();
