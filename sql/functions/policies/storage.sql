-- Inputs: their owner adds, reads and removes below a folder named after them. Models, in whatever bucket: their owner
-- reads what has a row, so nothing before it is paid for, and nothing that was canceled meanwhile.
-- Templates lie in a public bucket; no policy, so nobody can list it.

create policy meshqueue_own_objects on storage.objects for select to authenticated
  using (
    (storage.foldername(name))[1] = (select auth.uid())::text
    and (
      bucket_id = 'inputs'
      or bucket_id <> 'templates'
        and exists (select from public.asset_files f where f.bucket = objects.bucket_id and f.path = objects.name)
    )
  );
create policy meshqueue_inputs_add on storage.objects for insert to authenticated
  with check (bucket_id = 'inputs' and (storage.foldername(name))[1] = (select auth.uid())::text);
create policy meshqueue_inputs_remove on storage.objects for delete to authenticated
  using (bucket_id = 'inputs' and (storage.foldername(name))[1] = (select auth.uid())::text);
