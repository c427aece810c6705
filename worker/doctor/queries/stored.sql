-- What the project is billed for: every bucket, not only ours.
select count(*) as objects, coalesce(sum((o.metadata ->> 'size')::bigint), 0)::bigint as bytes from storage.objects o
