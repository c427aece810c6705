select u.id, u.email
from auth.users u
where u.id::text = lower(%(reference)s) or lower(u.email) = lower(%(reference)s)
order by u.id
