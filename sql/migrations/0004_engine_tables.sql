-- The engine's own. Nothing here is granted to anybody; the API and the triggers act for the client.
-- Runs, submissions and slots have no foreign key to jobs: a paid task outlives the row that asked for it.

create table meshqueue.transitions (
  from_status public.job_status,
  to_status public.job_status,
  primary key (from_status, to_status)
);
insert into meshqueue.transitions values
  ('QUEUED', 'IN_PROGRESS'), ('QUEUED', 'FAILED'), ('QUEUED', 'CANCELED'),
  ('IN_PROGRESS', 'SUCCEEDED'), ('IN_PROGRESS', 'FAILED'), ('IN_PROGRESS', 'CANCELED');

create table meshqueue.workers (
  id uuid primary key,
  started_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  -- Since when its heartbeats came without a gap of a lease's length: who is too young may not rescue.
  unbroken_since timestamptz not null default now(),
  left_at timestamptz,
  serves jsonb not null default '{}' check (jsonb_typeof(serves) = 'object'),  -- {"MESHY": "<fingerprint of its key>"}
  info jsonb not null default '{}'
) with (fillfactor = 70);

create table meshqueue.pools (
  name text primary key,
  provider public.provider_type not null,
  stages public.job_stage[] not null,
  setting text not null unique,
  lock_key bigint not null generated always as (hashtextextended('meshqueue pool ' || name, 0)) stored
);
insert into meshqueue.pools (name, provider, setting, stages) values
  ('meshy', 'MESHY', 'max_in_flight_meshy', '{PREVIEW,REFINE,REMESH,GENERATE,CONCEPT,RIG}'),
  ('tripo:model', 'TRIPO', 'max_in_flight_tripo_model', '{PREVIEW,GENERATE,CONCEPT}'),
  ('tripo:processing', 'TRIPO', 'max_in_flight_tripo_processing', '{REFINE,REMESH}'),
  ('tripo:animation', 'TRIPO', 'max_in_flight_tripo_animation', '{RIG}');

-- One row a stage of a job.
create table meshqueue.runs (
  id bigint generated always as identity primary key,
  job_id uuid not null,
  user_id uuid not null,
  provider public.provider_type not null,
  stage public.job_stage not null,
  pool text,
  credits integer not null,
  charged_once_submitted boolean not null default false,
  state meshqueue.run_state not null default 'ready',
  attempt integer not null default 0,
  worker_id uuid,
  wake_at timestamptz,
  held_for text,
  retries smallint not null default 0,
  progress smallint not null default 0,
  told_at timestamptz,
  sent_at timestamptz,  -- when the private topic last heard of it, and what
  sent_progress smallint,
  result jsonb,
  error jsonb,
  created_at timestamptz not null default now(),
  begun_at timestamptz,
  ended_at timestamptz,
  unique (job_id, stage),
  -- ready < held < running < draining < done < failed < canceled
  constraint runs_held_by check ((worker_id is not null) = (state = 'running') or state = 'draining'),
  constraint runs_ended check ((ended_at is null) = (state < 'done'))
) with (fillfactor = 70);
create index runs_of_worker on meshqueue.runs (worker_id) where worker_id is not null;
create index runs_to_wake on meshqueue.runs (wake_at) where state in ('ready', 'held', 'draining');
create index runs_ended_at on meshqueue.runs (ended_at) where ended_at is not null;

-- The journal of paid requests: what happened, whoever is allowed to decide what follows.
create table meshqueue.submissions (
  run_id bigint not null references meshqueue.runs (id) on delete cascade,
  n smallint not null,
  provider public.provider_type not null,
  attempt integer not null,
  digest text not null,
  content jsonb not null default '{}',
  outcome meshqueue.submission_outcome not null default 'intent',
  task_id text,
  provider_credits numeric check (provider_credits >= 0),
  result jsonb,  -- of a task that ended well, where its stage needs another one after it
  error jsonb,
  intent_at timestamptz not null default now(),
  gave_up_at timestamptz,
  accepted_at timestamptz,
  ended_at timestamptz,
  primary key (run_id, n),
  unique (provider, task_id),
  constraint submissions_named check (outcome not in ('accepted', 'succeeded') or task_id is not null),
  constraint submissions_lost check (outcome <> 'lost' or gave_up_at is not null),
  constraint submissions_ended
    check ((outcome in ('intent', 'accepted', 'lost')) = (ended_at is null))
);
create index submissions_by_day on meshqueue.submissions (provider, intent_at);

create table meshqueue.slots (
  id bigint generated always as identity primary key,
  pool text not null,
  run_id bigint unique,
  taken_at timestamptz
) with (fillfactor = 70);
create index slots_free on meshqueue.slots (pool) where run_id is null;
create index slots_of_pool on meshqueue.slots (pool);

-- tier 0: a job under way that needs a slot for its next stage; tier 1: a new job.
create table meshqueue.waiting (
  job_id uuid primary key,
  user_id uuid not null,
  pool text not null,
  tier smallint not null,
  seq bigint generated always as identity,
  stage public.job_stage not null,
  since timestamptz not null default now()
);
create index waiting_of_user on meshqueue.waiting (pool, tier, user_id, seq);

create sequence meshqueue.ring_position;
create table meshqueue.ring (
  pool text not null,
  tier smallint not null,
  user_id uuid not null,
  position bigint not null default nextval('meshqueue.ring_position'),
  primary key (pool, tier, user_id)
) with (fillfactor = 70);
create index ring_order on meshqueue.ring (pool, tier, position);

-- A pause belongs to a key: one worker's bad key must not stop the others. '*' is the operator's.
create table meshqueue.pauses (
  provider public.provider_type not null,
  fingerprint text not null,
  reason text not null check (reason in ('out_of_credit', 'unauthorised', 'operator')),
  since timestamptz not null default now(),
  detail jsonb not null default '{}',
  primary key (provider, fingerprint)
);

create table meshqueue.rates (
  user_id uuid not null,
  action text not null,
  hits timestamptz[] not null,
  primary key (user_id, action)
) with (fillfactor = 70);

-- Verified hints about tasks that no submission names yet: the webhook came before our commit.
create table meshqueue.hints (
  provider public.provider_type not null,
  task_id text not null,
  seen_at timestamptz not null default now(),
  primary key (provider, task_id)
);

create table meshqueue.user_provider_secrets (
  user_id uuid not null references auth.users (id) on delete cascade,
  provider public.provider_type not null,
  secret_sha256 bytea not null,
  created_at timestamptz not null default now(),
  primary key (user_id, provider)
);
create index user_provider_secrets_hash on meshqueue.user_provider_secrets (secret_sha256);

-- Objects that a delivery is about to write, listed before their first byte: whatever dies, none is forgotten.
create table meshqueue.intents (
  bucket text not null,
  path text not null,
  run_id bigint not null,
  since timestamptz not null default now(),
  primary key (bucket, path, run_id)
);
create index intents_of_run on meshqueue.intents (run_id);

-- The same for the copies of an asset that is being published.
create table meshqueue.copies (
  bucket text not null,
  path text not null,
  asset_id uuid not null references public.assets (id) on delete cascade,
  since timestamptz not null default now(),
  primary key (bucket, path, asset_id)
);
create index copies_of_asset on meshqueue.copies (asset_id);

-- Objects that may be nobody's any more; the worker removes them through the Storage API. A hint: whether an object
-- is needed is looked at when its removal is claimed.
create table meshqueue.removals (
  bucket text not null,
  path text not null,
  since timestamptz not null default now(),
  due_at timestamptz not null default now(),
  tries integer not null default 0,
  claimed_by uuid,
  claimed_until timestamptz,
  why text,  -- it could not be removed when it was last tried
  primary key (bucket, path),
  constraint removals_claimed check ((claimed_by is null) = (claimed_until is null))
);
create index removals_due on meshqueue.removals (due_at);

-- Whether an asset is to be public. Each wish raises the version; what was done for an older one does not count.
create table meshqueue.publications (
  asset_id uuid primary key references public.assets (id) on delete cascade,
  wanted boolean not null,
  version bigint not null default 1,
  done_version bigint not null default 0,
  tries integer not null default 0,
  due_at timestamptz not null default now(),
  since timestamptz not null default now(),
  constraint publications_done check (done_version <= version)
);
create index publications_open on meshqueue.publications (due_at) where done_version < version;

-- While this row stands the storage takes nothing more: deliveries wait.
create table meshqueue.delivery_pause (
  single boolean primary key default true check (single),
  reason text not null,
  detail jsonb not null default '{}',
  paused_by uuid not null,
  since timestamptz not null default now(),
  probe_at timestamptz not null
);

-- What an operator wants to know of; never shown to clients.
create table meshqueue.incidents (
  id bigint generated always as identity primary key,
  kind text not null,
  job_id uuid,
  run_id bigint,
  detail jsonb not null default '{}',
  created_at timestamptz not null default now()
);
create index incidents_at on meshqueue.incidents (created_at);

do $$
declare
  t regclass;
begin
  for t in
    select c.oid from pg_catalog.pg_class c
    where c.relnamespace = 'meshqueue'::regnamespace and c.relkind = 'r' and not c.relrowsecurity
  loop
    execute format('alter table %s enable row level security', t);
  end loop;
end
$$;
