do $guard$
begin
  if to_regnamespace('auth') is null then
    raise exception using
      message = 'this database is no Supabase project: there is no schema auth',
      hint = 'Apply the bundle to a Supabase project, or run meshqueue migrate on a local Postgres.';
  end if;
  if to_regnamespace('meshqueue') is not null or to_regnamespace('procrastinate') is not null then
    raise exception using
      message = 'meshqueue was applied before: there is a schema meshqueue or procrastinate',
      hint = 'Run meshqueue migrate, or make a bundle with --since and the number of the last migration in meshqueue.migrations.';
  end if;
end
$guard$;
