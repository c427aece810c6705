-- The private topic user:<id>: only that user may join.

create policy meshqueue_own_topic on realtime.messages for select to authenticated
  using (extension = 'broadcast' and (select realtime.topic()) = 'user:' || (select auth.uid()));
