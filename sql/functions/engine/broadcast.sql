-- News on the private topic of one user. realtime.send swallows its own errors: never a promise.

create function meshqueue.broadcast(owner uuid, event text, payload jsonb)
returns void
language plpgsql
set search_path = ''
as $$
begin
  if to_regproc('realtime.send') is not null then
    perform realtime.send(payload, event, 'user:' || owner, true);
  end if;
end
$$;
revoke execute on function meshqueue.broadcast(uuid, text, jsonb) from public, anon, authenticated;
