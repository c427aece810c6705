-- An example starts from nothing. Deleting costs 10 ms and keeps the sessions' plans; a fresh copy of the template
-- cost 100 ms, and planning everything anew as much again.
set session_replication_role = replica;
delete from public.ai_job_events;
delete from public.asset_files;
delete from public.ai_jobs;
delete from public.assets;
delete from public.credit_ledger;
delete from public.credit_accounts;
delete from meshqueue.waiting;
delete from meshqueue.ring;
delete from meshqueue.slots;
delete from meshqueue.submissions;
delete from meshqueue.runs;
delete from meshqueue.workers;
delete from meshqueue.pauses;
delete from meshqueue.rates;
delete from meshqueue.removals;
delete from meshqueue.intents;
delete from meshqueue.copies;
delete from meshqueue.publications;
delete from meshqueue.delivery_pause;
delete from meshqueue.incidents;
delete from procrastinate.procrastinate_events;
delete from procrastinate.procrastinate_jobs;
delete from realtime.messages;
delete from auth.users;
