select coalesce(max(s.objects), 0) as objects, coalesce(max(s.bytes), 0)::bigint as bytes
from meshqueue.stored_bytes s where s.user_id is null
