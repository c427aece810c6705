-- Who may read and write what. Explicit revoke, then grant: right under both of Supabase's default privileges.
-- SELECT stands on whole tables: a column grant breaks select('*'), insert().select() and Realtime (42501).

revoke all on public.ai_jobs, public.assets, public.asset_files, public.ai_job_events, public.credit_accounts,
  public.credit_ledger, public.app_settings from public, anon, authenticated, service_role;
revoke all on sequence public.ai_job_events_id_seq, public.credit_ledger_id_seq
  from public, anon, authenticated, service_role;

grant usage on schema meshqueue to anon, authenticated, service_role;
revoke all on all tables in schema meshqueue from public, anon, authenticated, service_role;

grant select on public.ai_jobs, public.ai_job_events, public.credit_accounts, public.credit_ledger to authenticated;
grant select on public.assets, public.asset_files to anon, authenticated;
grant insert (user_id, asset_id, provider, client_task_id, idempotency_key, metadata, request_payload)
  on public.ai_jobs to authenticated;
grant update (title, description) on public.assets to authenticated;

grant select on public.ai_jobs, public.assets, public.asset_files, public.ai_job_events, public.credit_accounts,
  public.credit_ledger to service_role;
grant insert (user_id, asset_id, provider, client_task_id, idempotency_key, metadata, request_payload)
  on public.ai_jobs to service_role;
grant update (title, description) on public.assets to service_role;
grant select, insert, update, delete on public.app_settings to service_role;

create policy own_jobs on public.ai_jobs for select to authenticated using (user_id = (select auth.uid()));
create policy make_own_jobs on public.ai_jobs for insert to authenticated
  with check (user_id = (select auth.uid()));

create policy own_assets on public.assets for select to authenticated
  using (user_id = (select auth.uid()) or is_public);
create policy published_assets on public.assets for select to anon using (is_public);
create policy rename_own_assets on public.assets for update to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

-- Of somebody else's published asset, only what lies in the public bucket.
create policy own_files on public.asset_files for select to authenticated
  using (
    job_id in (select j.id from public.ai_jobs j where j.user_id = (select auth.uid()))
    or asset_id in (
      select a.id from public.assets a
      where a.user_id = (select auth.uid()) or a.is_public and bucket = 'templates'
    )
  );
create policy published_files on public.asset_files for select to anon
  using (bucket = 'templates' and asset_id in (select a.id from public.assets a where a.is_public));

create policy own_events on public.ai_job_events for select to authenticated
  using (job_id in (select j.id from public.ai_jobs j where j.user_id = (select auth.uid())));
create policy own_account on public.credit_accounts for select to authenticated
  using (user_id = (select auth.uid()));
create policy own_ledger on public.credit_ledger for select to authenticated
  using (user_id = (select auth.uid()));
