-- What operators are shown: counts that outlive the rows they count, what is dear to measure, what is wrong.

-- Summed by (name, provider, detail). Whoever counts adds a line, so nobody waits for anybody; many lines become one
-- from time to time. One line a count, updated in place, would make all endings of jobs take turns.
create table meshqueue.tallies (
  id bigint generated always as identity primary key,
  name text not null,
  provider text not null default '',
  detail text not null default '',
  amount numeric not null
);

create table meshqueue.measurements (
  name text primary key,
  value numeric not null default 0,
  measured_at timestamptz not null default '-infinity'
);
insert into meshqueue.measurements (name) values ('stored_bytes'), ('stored_objects');

-- One row an incident. It is told twice: that it began, that it is over. Who is about to tell moves `due_at` on; should
-- he die over it, another tells it then.
create table meshqueue.alarms (
  id bigint generated always as identity primary key,
  kind text not null,
  subject text not null default '',
  detail jsonb not null default '{}',
  began_at timestamptz not null default now(),
  over_at timestamptz,
  told_at timestamptz,
  over_told_at timestamptz,
  due_at timestamptz not null default now(),
  tries integer not null default 0,
  constraint alarms_told check (over_told_at is null or (told_at is not null and over_at is not null))
);
create unique index alarms_open on meshqueue.alarms (kind, subject) where over_at is null;
create index alarms_due on meshqueue.alarms (due_at) where over_told_at is null;

alter table meshqueue.tallies enable row level security;
alter table meshqueue.measurements enable row level security;
alter table meshqueue.alarms enable row level security;
revoke all on meshqueue.tallies, meshqueue.measurements, meshqueue.alarms
  from public, anon, authenticated, service_role;
