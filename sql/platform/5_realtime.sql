do $$ begin if not exists (select from pg_publication where pubname = 'supabase_realtime') then create publication supabase_realtime; end if; end $$;
alter publication supabase_realtime owner to postgres;
create table if not exists realtime.messages (
  topic text not null, extension text not null, payload jsonb, event text, private boolean default false,
  updated_at timestamp not null default now(), inserted_at timestamp not null default now(), id uuid not null default gen_random_uuid(),
  binary_payload bytea, primary key (id, inserted_at)) partition by range (inserted_at);
create table if not exists realtime.messages_all partition of realtime.messages default;   -- the real server keeps daily partitions
alter table realtime.messages enable row level security;
alter table realtime.messages owner to supabase_realtime_admin;
alter table realtime.messages_all owner to supabase_realtime_admin;
grant select, insert, update on realtime.messages to anon, authenticated, service_role;
grant all on realtime.messages to postgres, dashboard_user;
create or replace function realtime.topic() returns text language sql stable as $$ select nullif(current_setting('realtime.topic', true), '') $$;
create or replace function realtime.send(payload jsonb, event text, topic text, private boolean default true) returns void language plpgsql as $$
declare mid uuid := gen_random_uuid();
begin                                          -- like the real one: never fails the caller's transaction, only warns
  perform set_config('realtime.topic', topic, true);
  insert into realtime.messages(id, payload, event, topic, private, extension)
  values (mid, case when payload ? 'id' then payload else payload || jsonb_build_object('id', mid) end, event, topic, private, 'broadcast');
exception when others then raise warning 'WarnSendingBroadcastMessage: %', sqlerrm;
end $$;
create or replace function realtime.broadcast_changes(topic_name text, event_name text, operation text, table_name text, table_schema text,
                                                      new record, old record, level text default 'ROW') returns void language plpgsql as $$
begin
  if level = 'STATEMENT' then raise exception 'row level only'; end if;
  perform realtime.send(jsonb_build_object('old_record', old, 'record', new, 'operation', operation, 'table', table_name, 'schema', table_schema), event_name, topic_name);
end $$;
alter function realtime.send(jsonb,text,text,boolean) owner to supabase_realtime_admin;
alter function realtime.broadcast_changes(text,text,text,text,text,record,record,text) owner to supabase_realtime_admin;
alter function realtime.topic() owner to supabase_realtime_admin;

