do $guard$
declare
  applied jsonb;
begin
  if to_regclass('meshqueue.migrations') is null then
    raise exception using
      message = 'this bundle continues an installation, but meshqueue was never applied here',
      hint = 'Make a bundle without --since.';
  end if;
  select jsonb_object_agg(m.version, m.checksum) into applied from meshqueue.migrations m;
  if applied is distinct from :expected then
    raise exception using
      message = format('this bundle continues after migration :since, but the database stands at %s, or an applied migration differs',
                       (select max(m.version) from meshqueue.migrations m)),
      hint = 'Make a bundle with --since and the number of the last migration in meshqueue.migrations; meshqueue migrate --check names a migration that differs.';
  end if;
end
$guard$;
