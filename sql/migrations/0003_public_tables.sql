-- What clients see. Column grants and policies stand in functions/policies; nothing is granted here.

create table public.assets (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid(),  -- goes with its user by a trigger; a key is one more look-up a create
  source_job_id uuid,  -- no foreign key: two between the same tables make PostgREST's embedding ambiguous
  title text,
  description text,
  is_public boolean not null default false,
  mesh_url text,
  texture_url text,
  pbr_metallic_url text,
  pbr_roughness_url text,
  pbr_normal_url text,
  pbr_emission_url text,
  thumbnail_url text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now()
);

create table public.ai_jobs (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references auth.users (id) on delete cascade,
  -- Deferred: the asset's id is chosen before the job's row, its row is written after.
  asset_id uuid references public.assets (id) on delete set null deferrable initially deferred,
  provider public.provider_type not null default 'MESHY',
  kind text not null,
  stage public.job_stage not null,
  status public.job_status not null default 'QUEUED',
  progress smallint not null default 0,
  client_task_id text,
  idempotency_key text,
  metadata jsonb not null default '{}',
  request_payload jsonb not null,
  result_payload jsonb,
  credits_cost integer not null,
  -- The plan: its stages in order, and what each was priced at when the job was created.
  stages public.job_stage[] not null,
  stage_credits integer[] not null,
  error_code text,
  error_message text,
  retry_of uuid,  -- of the same user, found among their jobs: no key, no index to keep at every insert
  created_at timestamptz not null default now(),
  started_at timestamptz,
  finished_at timestamptz,
  deadline_at timestamptz,
  -- Plain, not partial: PostgREST's upsert can't infer a partial index (42P10).
  constraint ai_jobs_idempotency_key unique (user_id, idempotency_key)
  -- No CHECKs here, and short ones elsewhere: Postgres parses each anew at every insert (two short ones were 4 % of a
  -- create, fourteen a tenth). What they would say stands in the triggers prepare and guard, which see every insert
  -- and update, hand-written ones included.
);
create index ai_jobs_user on public.ai_jobs (user_id, created_at desc);
create index ai_jobs_asset on public.ai_jobs (asset_id) where asset_id is not null;
create index ai_jobs_due on public.ai_jobs (deadline_at) where status in ('QUEUED', 'IN_PROGRESS');

create index assets_user on public.assets (user_id, created_at desc);
create index assets_public on public.assets (created_at desc) where is_public;

create table public.asset_files (
  id uuid primary key default gen_random_uuid(),
  asset_id uuid references public.assets (id) on delete cascade,
  job_id uuid references public.ai_jobs (id) on delete set null,
  role text not null check (role in ('model', 'original', 'plain', 'base_color', 'metallic',
    'roughness', 'normal', 'emission', 'thumbnail', 'concept')),
  format text not null check (format ~ '^[a-z0-9]{1,8}$'),
  position smallint not null default 0,
  bucket text not null,
  path text not null,
  bytes bigint not null check (bytes >= 0),
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  content_type text not null,
  triangles bigint check (triangles >= 0),
  width integer check (width > 0),
  height integer check (height > 0),
  created_at timestamptz not null default now(),
  unique (job_id, role, format, position)
);
create index asset_files_asset on public.asset_files (asset_id);
create index asset_files_object on public.asset_files (bucket, path);
create index asset_files_originals on public.asset_files (created_at) where role = 'original';

create table public.ai_job_events (
  id bigint generated always as identity primary key,
  job_id uuid not null references public.ai_jobs (id) on delete cascade,
  stage public.job_stage not null,
  status public.job_status not null,
  provider_task_id text,
  payload jsonb not null default '{}',
  created_at timestamptz not null default now()
);
create index ai_job_events_job on public.ai_job_events (job_id, id);

create table public.credit_accounts (
  user_id uuid primary key references auth.users (id) on delete cascade,
  balance bigint not null default 0,
  reserved bigint not null default 0,
  constraint credit_accounts_covered check (reserved between 0 and balance)
) with (fillfactor = 80);

-- Append-only. balance = sum of amount, reserved = sum of hold. No foreign key: the lines outlive
-- the job and the person (user_id becomes null then).
create table public.credit_ledger (
  id bigint generated always as identity primary key,
  user_id uuid,
  job_id uuid,
  kind text not null,
  amount bigint not null,
  hold bigint not null default 0,
  reason text,
  reference text,
  created_at timestamptz not null default now()
);
create index credit_ledger_user on public.credit_ledger (user_id, id);
create unique index credit_ledger_reference on public.credit_ledger (reference) where reference is not null;
-- At most one reserve and one ending (settle or release) a job.
create unique index credit_ledger_once on public.credit_ledger (job_id, (kind = 'reserve')) where job_id is not null;

create table public.app_settings (
  key text primary key check (char_length(key) between 1 and 100),
  value text not null,
  is_public boolean not null default false
);

alter table public.assets enable row level security;
alter table public.ai_jobs enable row level security;
alter table public.asset_files enable row level security;
alter table public.ai_job_events enable row level security;
alter table public.credit_accounts enable row level security;
alter table public.credit_ledger enable row level security;
alter table public.app_settings enable row level security;
