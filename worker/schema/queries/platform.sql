select case
  when to_regnamespace('auth') is null then 'MISSING'
  when obj_description(to_regnamespace('auth')) like 'stands in for Supabase; made by meshqueue%' then 'OURS'
  when to_regclass('auth.users') is not null and (
    select count(*) from pg_roles
    where rolname in ('anon', 'authenticated', 'service_role', 'authenticator')
  ) = 4 then 'SUPABASE'
  else 'FOREIGN'
end
