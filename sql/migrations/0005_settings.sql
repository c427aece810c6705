-- Each known setting: what its value must look like, and what counts where nobody set it.
-- A key may end in a provider's or a stage's name where the rule says so. Unknown keys are kept as they are.

create table meshqueue.setting_rules (
  key text primary key,
  default_value text,                -- null: not set by default
  kind text not null check (kind in ('integer', 'boolean', 'choice')),
  low integer,
  high integer,
  choices text[],
  is_public boolean not null default false,
  per_provider boolean not null default false  -- also valid as <key>_<provider>, without a default
);
insert into meshqueue.setting_rules (key, default_value, kind, low, high, choices, is_public, per_provider) values
  ('credit_cost_preview', '10', 'integer', 0, 1000000, null, true, true),
  ('credit_cost_refine', '15', 'integer', 0, 1000000, null, true, true),
  ('credit_cost_remesh', '10', 'integer', 0, 1000000, null, true, true),
  ('credit_cost_generate', '25', 'integer', 0, 1000000, null, true, true),
  ('credit_cost_rig', '10', 'integer', 0, 1000000, null, true, true),
  ('credit_cost_concept', '5', 'integer', 0, 1000000, null, true, true),
  ('credit_cost_deliver', '0', 'integer', 0, 1000000, null, true, true),
  ('rate_job_create_per_minute', '5', 'integer', 0, 10000, null, true, false),
  ('rate_poll_per_minute', '30', 'integer', 0, 10000, null, true, false),
  ('rate_roblox_publish_per_minute', '2', 'integer', 0, 10000, null, true, false),
  ('credits_enabled', 'true', 'boolean', null, null, null, true, false),
  ('signup_credits', '0', 'integer', 0, 1000000000, null, false, false),
  ('max_in_flight_meshy', '10', 'integer', 0, 10000, null, false, false),
  ('max_in_flight_tripo_model', '10', 'integer', 0, 10000, null, false, false),
  ('max_in_flight_tripo_processing', '5', 'integer', 0, 10000, null, false, false),
  ('max_in_flight_tripo_animation', '10', 'integer', 0, 10000, null, false, false),
  ('job_wait_minutes', '1440', 'integer', 1, 100000, null, false, false),
  ('job_deadline_minutes', '120', 'integer', 1, 100000, null, false, false),
  ('delivery_deadline_minutes', '1440', 'integer', 1, 100000, null, false, false),
  ('cancel_refund', 'all', 'choice', null, null, '{all,unsubmitted}', false, false),
  ('deliver_best', 'true', 'boolean', null, null, null, false, false),
  ('max_provider_credits_per_day', null, 'integer', 0, 1000000000, null, false, true),
  ('keep_original_days', '30', 'integer', 0, 36500, null, false, false),
  ('optimise_preset', 'balanced', 'choice', null, null, '{safe,balanced,web,small}', false, false),
  ('moderation', 'true', 'boolean', null, null, null, false, false),
  ('notify_news', 'false', 'boolean', null, null, null, false, false);
alter table meshqueue.setting_rules enable row level security;

-- What every create asks, in one row that triggers keep: all known settings, the price of each provider's stages,
-- and the providers that may have to be refused (a hint; who is named here is looked at closely).
create table meshqueue.in_force (
  single boolean primary key default true check (single),
  settings jsonb not null default '{}',
  prices jsonb not null default '{}',  -- {"MESHY_PREVIEW": 10, ...}
  doubtful public.provider_type[] not null default '{}'
);
alter table meshqueue.in_force alter column settings set storage plain, alter column prices set storage plain;
alter table meshqueue.in_force enable row level security;

insert into public.app_settings (key, value, is_public)
  select key, default_value, is_public from meshqueue.setting_rules where default_value is not null
  on conflict (key) do nothing;
insert into meshqueue.in_force default values;
insert into meshqueue.slots (pool)
  select p.name
  from meshqueue.pools p
  join public.app_settings s on s.key = p.setting,
    generate_series(1, s.value::integer);
