-- The plan of a job, decided once. Meshy remeshes within the call that makes a model from images.
create function meshqueue.plan_stages(
  provider public.provider_type, kind text, refined boolean, remeshed boolean, rigged boolean
)
returns public.job_stage[]
language plpgsql immutable
set search_path = pg_catalog, pg_temp
as $$
declare
  pictured constant boolean := kind = 'image_to_3d';
begin
  return array_remove(array[
    case when pictured then 'GENERATE'::public.job_stage else 'PREVIEW' end,
    case when refined and not pictured then 'REFINE'::public.job_stage end,
    case when remeshed and not (pictured and provider = 'MESHY') then 'REMESH'::public.job_stage end,
    case when rigged then 'RIG'::public.job_stage end,
    'DELIVER'
  ], null);
end
$$;
revoke execute on function meshqueue.plan_stages(public.provider_type, text, boolean, boolean, boolean)
  from public, anon, authenticated;
