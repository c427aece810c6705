-- What was applied, and how function files are taken out and put back. `migrate` and its
-- bundle issue the same calls of these functions, so both leave the same database.

create schema meshqueue;
revoke all on schema meshqueue from public;
comment on schema meshqueue is 'meshqueue: private; not exposed by the API';

create table meshqueue.migrations (
  version    int primary key check (version > 0),
  name       text not null,
  checksum   text not null,
  release    text not null,
  applied_at timestamptz not null default now()
);

-- applied_at is null while a migration is held back for the next release
create table meshqueue.procrastinate_migrations (
  name            text primary key,
  package_version text not null,
  release         text not null,
  applied_at      timestamptz
);

create table meshqueue.function_files (
  path     text primary key,
  checksum text not null
);

create table meshqueue.function_objects (
  file     text not null references meshqueue.function_files (path) on delete cascade,
  type     text not null,
  identity text not null,
  primary key (type, identity)
);
create index function_objects_file on meshqueue.function_objects (file);

alter table meshqueue.migrations enable row level security;
alter table meshqueue.procrastinate_migrations enable row level security;
alter table meshqueue.function_files enable row level security;
alter table meshqueue.function_objects enable row level security;
revoke all on meshqueue.migrations, meshqueue.procrastinate_migrations,
              meshqueue.function_files, meshqueue.function_objects
  from public, anon, authenticated, service_role;


-- migrations ----------------------------------------------------------------------------

create function meshqueue.record_migration(version int, name text, checksum text, release text)
returns void language sql set search_path = ''
as $$
  insert into meshqueue.migrations (version, name, checksum, release)
  values (record_migration.version, record_migration.name,
          record_migration.checksum, record_migration.release);
$$;
revoke execute on function meshqueue.record_migration(int, text, text, text)
  from public, anon, authenticated, service_role;


-- function files ------------------------------------------------------------------------

-- Everything a file might create, except what an extension owns. Copies of a trigger on
-- partitions come and go with the trigger itself.
create function meshqueue.present_objects()
returns table (classid oid, objid oid, made_by xid) language sql stable set search_path = ''
as $$
  select o.classid, o.objid, o.xmin
  from (
    select 'pg_catalog.pg_proc'::pg_catalog.regclass::oid as classid, oid as objid, xmin
      from pg_catalog.pg_proc where oid >= 16384
    union all
    select 'pg_catalog.pg_trigger'::pg_catalog.regclass, oid, xmin
      from pg_catalog.pg_trigger where not tgisinternal and tgparentid = 0
    union all
    select 'pg_catalog.pg_policy'::pg_catalog.regclass, oid, xmin from pg_catalog.pg_policy
    union all
    select 'pg_catalog.pg_class'::pg_catalog.regclass, oid, xmin
      from pg_catalog.pg_class
      where oid >= 16384 and relkind not in ('i', 'I', 't') and relpersistence <> 't'
  ) o
  where not exists (
    select from pg_catalog.pg_depend d
    where d.classid = o.classid and d.objid = o.objid and d.deptype = 'e'
  );
$$;
revoke execute on function meshqueue.present_objects()
  from public, anon, authenticated, service_role;

create function meshqueue.recorded_objects()
returns table (file text, classid oid, objid oid) language sql stable set search_path = ''
as $$
  select r.file, p.classid, p.objid
  from meshqueue.present_objects() p
  cross join lateral pg_catalog.pg_identify_object(p.classid, p.objid, 0) i
  join meshqueue.function_objects r on r.type = i.type and r.identity = i.identity;
$$;
revoke execute on function meshqueue.recorded_objects()
  from public, anon, authenticated, service_role;

-- A view hangs on its rewrite rule, a partition's trigger on its parent: name what people know.
create function meshqueue.known_object(inout classid oid, inout objid oid)
language sql stable set search_path = ''
as $$
  select 'pg_catalog.pg_class'::pg_catalog.regclass::oid, r.ev_class
    from pg_catalog.pg_rewrite r
    where known_object.classid = 'pg_catalog.pg_rewrite'::pg_catalog.regclass
      and r.oid = known_object.objid
  union all
  select known_object.classid, t.tgparentid
    from pg_catalog.pg_trigger t
    where known_object.classid = 'pg_catalog.pg_trigger'::pg_catalog.regclass
      and t.oid = known_object.objid and t.tgparentid <> 0
  union all
  select known_object.classid, known_object.objid
  limit 1;
$$;
revoke execute on function meshqueue.known_object(oid, oid)
  from public, anon, authenticated, service_role;

-- What would go with these files' objects. An internal part (a view's row type) is walked
-- through but not listed. `file` is null where the dependant is not ours.
create function meshqueue.dependants(files text[])
returns table (file text, description text) language sql stable set search_path = ''
as $$
  with recursive ours as materialized (
    select * from meshqueue.recorded_objects()
  ),
  reached as (
    select o.classid, o.objid from ours o where o.file = any (files)
    union
    select k.classid, k.objid
    from reached r
    join pg_catalog.pg_depend d on d.refclassid = r.classid and d.refobjid = r.objid
    cross join lateral meshqueue.known_object(d.classid, d.objid) k
    where d.deptype in ('n', 'a', 'i')
  )
  select o.file, pg_catalog.pg_describe_object(r.classid, r.objid, 0)
  from reached r
  left join ours o using (classid, objid)
  where o.file is not null or not exists (
    select from pg_catalog.pg_depend part
    where part.classid = r.classid and part.objid = r.objid and part.deptype = 'i'
  );
$$;
revoke execute on function meshqueue.dependants(text[])
  from public, anon, authenticated, service_role;

create function meshqueue.refuse_foreign_dependants(files text[])
returns void language plpgsql stable set search_path = ''
as $$
declare
  foreigners text;
begin
  select pg_catalog.string_agg(d.description, ', ' order by d.description) into foreigners
  from meshqueue.dependants(files) d where d.file is null;
  if foreigners is not null then
    raise dependent_objects_still_exist using
      message = pg_catalog.format('not part of meshqueue, but built on what has to be replaced: %s', foreigners),
      detail = pg_catalog.format('files to replace: %s', pg_catalog.array_to_string(files, ', ')),
      hint = 'Drop it, migrate, then create it again.';
  end if;
end;
$$;
revoke execute on function meshqueue.refuse_foreign_dependants(text[])
  from public, anon, authenticated, service_role;

create function meshqueue.with_dependants(files text[])
returns text[] language plpgsql stable set search_path = ''
as $$
declare
  reached text[] := files;
  wider   text[];
begin
  loop
    perform meshqueue.refuse_foreign_dependants(reached);
    select pg_catalog.array_agg(w.file order by w.file) into wider
    from (select pg_catalog.unnest(reached) as file
          union select d.file from meshqueue.dependants(reached) d) w;
    exit when wider is null or wider <@ reached;
    reached := wider;
  end loop;
  return reached;
end;
$$;
revoke execute on function meshqueue.with_dependants(text[])
  from public, anon, authenticated, service_role;

-- `manifest` maps each file's path to its checksum: what is recorded otherwise, or gone.
create function meshqueue.stale_files(manifest jsonb)
returns text[] language sql stable set search_path = ''
as $$
  select coalesce(pg_catalog.array_agg(f.path order by f.path), '{}')
  from meshqueue.function_files f
  where f.checksum is distinct from manifest ->> f.path;
$$;
revoke execute on function meshqueue.stale_files(jsonb)
  from public, anon, authenticated, service_role;

-- Drops what the files made, and what of ours is built on it. Answers with all files that
-- have to be applied again. `cascade` reaches nothing else: foreigners were refused above.
create function meshqueue.forget_files(files text[])
returns text[] language plpgsql set search_path = '' set client_min_messages = warning
as $$
declare
  forgotten text[] := meshqueue.with_dependants(files);
  gone      record;
begin
  for gone in
    select o.type, o.identity from meshqueue.function_objects o
    where o.file = any (forgotten)
    order by o.type not in ('trigger', 'policy'), o.type desc, o.identity
  loop
    execute pg_catalog.format('drop %s if exists %s cascade', gone.type, gone.identity);
  end loop;
  delete from meshqueue.function_files f where f.path = any (forgotten);
  return forgotten;
end;
$$;
revoke execute on function meshqueue.forget_files(text[])
  from public, anon, authenticated, service_role;

-- Remembers what stands before a file runs; lives only as long as the transaction.
create function meshqueue.before_file()
returns void language sql set search_path = ''
as $$
  select pg_catalog.set_config('meshqueue.before_file',
    coalesce(pg_catalog.string_agg(p.classid || '/' || p.objid, ' '), ''), true)
  from meshqueue.present_objects() p;
$$;
revoke execute on function meshqueue.before_file()
  from public, anon, authenticated, service_role;

-- What we see although it is not committed is our own, subtransactions included. Without this,
-- a function that someone else commits while a file runs would be taken for the file's.
create function meshqueue.is_made_here(made_by xid)
returns boolean language sql volatile set search_path = ''
as $$
  -- an xid counts modulo 2^32: take the one nearest to our own
  select pg_catalog.pg_xact_status((ours.id + (
    (made_by::text::bigint - ours.id % 4294967296 + 6442450944) % 4294967296 - 2147483648
  ))::text::xid8) = 'in progress'
  from (select pg_catalog.pg_current_xact_id()::text::bigint as id) ours;
$$;
revoke execute on function meshqueue.is_made_here(xid)
  from public, anon, authenticated, service_role;

create function meshqueue.remember_file(path text, checksum text)
returns void language plpgsql set search_path = ''
as $$
declare
  stood text[] := pg_catalog.string_to_array(pg_catalog.current_setting('meshqueue.before_file'), ' ');
  made  record;
begin
  insert into meshqueue.function_files (path, checksum)
  values (remember_file.path, remember_file.checksum);
  for made in
    select i.type, i.identity
    from meshqueue.present_objects() p
    cross join lateral pg_catalog.pg_identify_object(p.classid, p.objid, 0) i
    where (p.classid || '/' || p.objid) <> all (stood) and meshqueue.is_made_here(p.made_by)
  loop
    if made.type not in ('function', 'procedure', 'aggregate', 'trigger', 'policy', 'view') then
      raise feature_not_supported using
        message = pg_catalog.format('%s creates %s %s', remember_file.path, made.type, made.identity),
        hint = 'Function files hold functions, triggers, policies and views; put it in a migration.';
    end if;
    insert into meshqueue.function_objects (file, type, identity)
    values (remember_file.path, made.type, made.identity);
  end loop;
end;
$$;
revoke execute on function meshqueue.remember_file(text, text)
  from public, anon, authenticated, service_role;

-- PostgREST picks a function by name and argument names: two of one name are ambiguous.
create function meshqueue.refuse_overloads()
returns void language plpgsql stable set search_path = ''
as $$
declare
  overloads text;
begin
  select pg_catalog.string_agg(o.signatures, '; ') into overloads
  from (
    select pg_catalog.string_agg(r.identity || ' in ' || r.file, ' and ' order by r.identity) as signatures
    from meshqueue.function_objects r
    where r.type = 'function' and r.identity like 'public.%'
    group by pg_catalog.split_part(r.identity, '(', 1)
    having pg_catalog.count(*) > 1
  ) o;
  if overloads is not null then
    raise duplicate_function using
      message = pg_catalog.format('two signatures of one public function: %s', overloads),
      hint = 'Keep one; give it default values instead.';
  end if;
end;
$$;
revoke execute on function meshqueue.refuse_overloads()
  from public, anon, authenticated, service_role;


-- procrastinate -------------------------------------------------------------------------

create function meshqueue.record_procrastinate(names text[], package_version text, release text)
returns void language sql set search_path = ''
as $$
  insert into meshqueue.procrastinate_migrations (name, package_version, release, applied_at)
  select n.name, record_procrastinate.package_version, record_procrastinate.release, pg_catalog.now()
  from pg_catalog.unnest(names) n (name)
  on conflict (name) do update set applied_at = excluded.applied_at;
$$;
revoke execute on function meshqueue.record_procrastinate(text[], text, text)
  from public, anon, authenticated, service_role;

create function meshqueue.hold_procrastinate(name text, package_version text, release text)
returns void language sql set search_path = ''
as $$
  insert into meshqueue.procrastinate_migrations (name, package_version, release)
  values (hold_procrastinate.name, hold_procrastinate.package_version, hold_procrastinate.release);
$$;
revoke execute on function meshqueue.hold_procrastinate(text, text, text)
  from public, anon, authenticated, service_role;

-- A "post" migration takes away what the last release's worker still uses: the release that
-- brings it holds it back, the next one applies it.
create function meshqueue.procrastinate_step(name text, release text)
returns text language sql stable set search_path = ''
as $$
  select case
    when m.applied_at is not null then 'done'
    when m.release = procrastinate_step.release then 'held'
    when m.release is not null then 'apply'
    when procrastinate_step.name ~ '^[0-9.]+_[0-9]+_post_' then 'hold'
    else 'apply'
  end
  from (select) nothing
  left join meshqueue.procrastinate_migrations m on m.name = procrastinate_step.name;
$$;
revoke execute on function meshqueue.procrastinate_step(text, text)
  from public, anon, authenticated, service_role;

-- Its triggers fail under an empty search_path (42704), and `create or replace` in one of its
-- migrations drops the setting: so for all of its functions, after every change.
create function meshqueue.seal_procrastinate()
returns void language plpgsql set search_path = ''
as $$
declare
  routine pg_catalog.regprocedure;
begin
  for routine in
    select p.oid from pg_catalog.pg_proc p
    where p.pronamespace = 'procrastinate'::pg_catalog.regnamespace
  loop
    execute pg_catalog.format('alter routine %s set search_path = procrastinate, pg_temp', routine);
  end loop;
  revoke all on schema procrastinate from public, anon, authenticated, service_role;
  revoke all on all tables in schema procrastinate from public, anon, authenticated, service_role;
  revoke all on all sequences in schema procrastinate from public, anon, authenticated, service_role;
  revoke all on all routines in schema procrastinate from public, anon, authenticated, service_role;
end;
$$;
revoke execute on function meshqueue.seal_procrastinate()
  from public, anon, authenticated, service_role;
