-- Buckets and publication: parts of the Supabase project that this one fills.

insert into storage.buckets (id, name, public, file_size_limit, allowed_mime_types) values
  ('inputs', 'inputs', false, 20 * 1024 * 1024, '{image/png,image/jpeg,image/webp}'),
  ('assets', 'assets', false, null, null),
  ('templates', 'templates', true, null, null)
on conflict (id) do nothing;

do $$
begin
  if exists (select from storage.buckets b where b.id in ('inputs', 'assets') and b.public) then
    raise exception 'the bucket inputs or assets exists and is public: private models would be open to everybody'
      using hint = 'Make both private (dashboard: Storage), or rename the one that is yours, then migrate again.';
  end if;
end
$$;

do $$
declare
  t text;
begin
  if not exists (select from pg_catalog.pg_publication where pubname = 'supabase_realtime') then
    create publication supabase_realtime;
  end if;
  foreach t in array '{ai_jobs,assets}'::text[] loop
    if not exists (
      select from pg_catalog.pg_publication_tables
      where pubname = 'supabase_realtime' and schemaname = 'public' and tablename = t
    ) then
      execute format('alter publication supabase_realtime add table public.%I', t);
    end if;
  end loop;
end
$$;
