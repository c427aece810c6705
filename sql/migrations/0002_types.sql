-- The words of the contract. A value added later needs a migration file of its own (55P04).

create type public.provider_type as enum ('MESHY', 'TRIPO', 'REPLICATE', 'OPENAI');
create type public.job_stage as enum ('PREVIEW', 'REFINE', 'REMESH', 'GENERATE', 'CONCEPT', 'RIG', 'DELIVER');
create type public.job_status as enum ('QUEUED', 'IN_PROGRESS', 'SUCCEEDED', 'FAILED', 'CANCELED');

-- ready: may be begun, a wake-up is on its way     held: waits for a time or for the provider
-- running: a worker holds it                       draining: the job is over, the provider's task is not
create type meshqueue.run_state as enum ('ready', 'held', 'running', 'draining', 'done', 'failed', 'canceled');

-- intent: about to be sent          accepted: the provider named a task    lost: nobody knows
-- refused, absent: nothing was bought                  succeeded, failed, canceled: the task has really ended
create type meshqueue.submission_outcome as enum (
  'intent', 'accepted', 'lost', 'refused', 'absent', 'succeeded', 'failed', 'canceled'
);
