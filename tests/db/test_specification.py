"""The calls that the specification quotes, word for word."""

from tests.support.database import Database
from tests.support.jobs import account, ledger, rich_user

OLD_SET_UP = """
insert into public.app_settings (key, value) values
  ('meshy_dispatch_url', 'http://localhost:54323/functions/v1/meshy-dispatch'),
  ('tripo_dispatch_url', 'http://localhost:54323/functions/v1/tripo-dispatch'),
  ('meshy_internal_key', 'a key of the old set-up')
on conflict (key) do update set value = excluded.value
"""

DIRECT_INSERT = """
insert into public.ai_jobs (user_id, request_payload) values (
  auth.uid(),
  '{"prompt": "cyberpunk katana", "art_style": "realistic", "refine": {"enable_pbr": true},
    "remesh": {"enabled": true, "target_polycount": 3500, "target_formats": ["fbx"]}}'
) returning id
"""

RPC = """
select * from public.create_ai_job(
  '{"prompt": "cyberpunk katana", "art_style": "realistic", "refine": {"enable_pbr": true},
    "remesh": {"enabled": true, "target_polycount": 3500, "target_formats": ["fbx"]}}',
  true, 'Cyberpunk Katana', 'UGC accessory'
)
"""


def test_old_settings_are_kept_as_bare_text(db: Database) -> None:
    """Settings of an older set-up go in, twice if need be, and stay what they are."""
    with db.service() as service:
        service.execute(OLD_SET_UP)
        service.execute(OLD_SET_UP)
        query = "select value from public.app_settings where key = 'meshy_dispatch_url'"
        assert service.value(query) == "http://localhost:54323/functions/v1/meshy-dispatch"


def test_direct_insert(db: Database) -> None:
    """A signed-in user makes a job by inserting a row, and pays for its stages."""
    user_id = rich_user(db, 100)
    with db.user(user_id) as user:
        job_id = user.value(DIRECT_INSERT)
    assert ledger(db, job_id) == [("reserve", 0, 35)]
    assert account(db, user_id) == (100, 35)


def test_create_ai_job(db: Database) -> None:
    """The same by RPC, positional, with an asset named in the call."""
    user_id = rich_user(db, 100)
    with db.user(user_id) as user:
        job = user.row(RPC)
        asset = user.row("select * from public.assets where id = %s", job["asset_id"])
    assert (job["status"], job["stage"], job["credits_cost"]) == ("QUEUED", "PREVIEW", 35)
    assert (asset["title"], asset["description"]) == ("Cyberpunk Katana", "UGC accessory")
    assert asset["source_job_id"] == job["id"]


def test_cancel_ai_job(db: Database) -> None:
    """Canceling gives everything back."""
    user_id = rich_user(db, 100)
    with db.user(user_id) as user:
        job = user.row(RPC)
    with db.user(user_id) as user:
        canceled = user.row("select * from public.cancel_ai_job(%s)", job["id"])
    assert canceled["status"] == "CANCELED"
    assert account(db, user_id) == (100, 0)


def test_clean_ups_for_servers(db: Database) -> None:
    """The service role runs the specification's house-keeping."""
    with db.service() as service:
        assert service.value("select public.cleanup_rate_limits(60)") == 0
        assert service.value("select public.cleanup_job_events(30)") == 0
        assert service.rows("select * from public.ai_job_metrics_daily") == []
