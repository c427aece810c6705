-- Settings: bare text in public.app_settings, checked on the way in, read from one row.

-- On the way of every job: plpgsql keeps its plans for the session, a SQL function with a search_path of its own
-- is parsed and planned again in every transaction (17 us against 60 us a call on one machine).
create function meshqueue.setting(key text)
returns text
language plpgsql stable
set search_path = pg_catalog, pg_temp
as $$
begin
  return (select f.settings ->> key from meshqueue.in_force f);
end
$$;
revoke execute on function meshqueue.setting(text) from public, anon, authenticated;

-- The rule for a key, also for <key>_<provider>.
create function meshqueue.rule_of(setting_key text)
returns setof meshqueue.setting_rules
language sql stable
set search_path = pg_catalog, pg_temp
as $$
  select r.*
  from meshqueue.setting_rules r
  where r.key = setting_key
    or r.per_provider and setting_key in (
      select r.key || '_' || lower(p::text) from unnest(enum_range(null::public.provider_type)) p
    )
$$;
revoke execute on function meshqueue.rule_of(text) from public, anon, authenticated;

create function meshqueue.check_setting(setting_key text, setting_value text)
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
declare
  rule meshqueue.setting_rules;
  wanted text;
begin
  select * into rule from meshqueue.rule_of(setting_key);
  if not found then
    return;
  end if;
  wanted := case rule.kind
    when 'integer' then
      case when setting_value !~ '^[0-9]{1,10}$' or setting_value::bigint not between rule.low and rule.high
        then format('a whole number from %s to %s', rule.low, rule.high) end
    when 'boolean' then case when setting_value not in ('true', 'false') then 'true or false' end
    else case when setting_value <> all (rule.choices) then 'one of ' || array_to_string(rule.choices, ', ') end
  end;
  if wanted is not null then
    raise sqlstate 'PT400' using
      message = format('setting %s must be %s, not %L', setting_key, wanted, left(setting_value, 100)),
      detail = setting_key,
      hint = 'Nothing was changed; the value in force before still counts.';
  end if;
end
$$;
revoke execute on function meshqueue.check_setting(text, text) from public, anon, authenticated;

create function meshqueue.settings_check()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform meshqueue.check_setting(new.key, new.value);
  return new;
end
$$;
revoke execute on function meshqueue.settings_check() from public, anon, authenticated;

create function meshqueue.price_table(settings jsonb)
returns jsonb
language sql immutable
set search_path = pg_catalog, pg_temp
as $$
  select jsonb_object_agg(p || '_' || st, case when settings ->> 'credits_enabled' = 'true' then coalesce(
    settings ->> lower('credit_cost_' || st || '_' || p), settings ->> lower('credit_cost_' || st))::integer else 0 end)
  from unnest(enum_range(null::public.provider_type)) p, unnest(enum_range(null::public.job_stage)) st
$$;
revoke execute on function meshqueue.price_table(jsonb) from public, anon, authenticated;

create function meshqueue.refresh_settings()
returns void
language sql
set search_path = pg_catalog, pg_temp
as $$
  update meshqueue.in_force set settings = known.settings, prices = meshqueue.price_table(known.settings)
  from (
    select jsonb_object_agg(v.key, v.value) as settings
    from (
      select r.key, r.default_value as value from meshqueue.setting_rules r where r.default_value is not null
        and not exists (select from public.app_settings a where a.key = r.key)
      union all
      select a.key, a.value from public.app_settings a where exists (select from meshqueue.rule_of(a.key))
    ) v
  ) known
  where single
$$;
revoke execute on function meshqueue.refresh_settings() from public, anon, authenticated;

-- Definer: the service role changes settings, what follows from them is the engine's.
create function meshqueue.settings_apply()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform from meshqueue.in_force f for no key update;  -- two changes at once: the second must see the first
  perform meshqueue.refresh_settings();
  return null;
end
$$;
revoke execute on function meshqueue.settings_apply() from public, anon, authenticated;

-- A limit was changed. Runs with the commit: the locks of the pools, taken before, would stop every create and every
-- freed slot for as long as somebody leaves the transaction open.
create function meshqueue.settings_admit()
returns trigger
language plpgsql security definer
set search_path = pg_catalog, pg_temp
as $$
begin
  perform meshqueue.admit(p.name)
    from meshqueue.pools p
    where array[p.setting, 'max_provider_credits_per_day_' || lower(p.provider::text)] && array[old.key, new.key]
    order by p.name;
  return null;
end
$$;
revoke execute on function meshqueue.settings_admit() from public, anon, authenticated;

create trigger app_settings_check before insert or update on public.app_settings
  for each row execute function meshqueue.settings_check();
create trigger app_settings_apply after insert or update or delete on public.app_settings
  for each statement execute function meshqueue.settings_apply();
create constraint trigger app_settings_admit after insert or update or delete on public.app_settings
  deferrable initially deferred for each row execute function meshqueue.settings_admit();

select meshqueue.refresh_settings();
