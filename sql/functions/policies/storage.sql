-- Inputs: their owner adds, reads and removes below a folder named after them. Assets: their owner reads.
-- Templates lie in a public bucket; no policy, so nobody can list it.

create policy meshqueue_own_objects on storage.objects for select to authenticated
  using (bucket_id in ('inputs', 'assets') and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy meshqueue_inputs_add on storage.objects for insert to authenticated
  with check (bucket_id = 'inputs' and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy meshqueue_inputs_remove on storage.objects for delete to authenticated
  using (bucket_id = 'inputs' and (storage.foldername(name))[1] = (select auth.uid())::text);
