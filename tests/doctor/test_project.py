"""Publication, buckets, default privileges, settings."""

import pytest

from tests.doctor.place import Place
from worker.doctor.finding import Level

pytestmark = pytest.mark.newest_postgres

DROP_BUCKET = "set storage.allow_delete_query = 'true'; delete from storage.buckets where id = '{}'"


async def test_a_table_is_not_published(place: Place) -> None:
    """Apps would hear nothing; the statement that mends it is given, and does."""
    place.db.admin.execute("alter publication supabase_realtime drop table public.ai_jobs")
    finding = await place.finds("publication", Level.FAILING)
    assert "public.ai_jobs" in finding.what
    place.db.admin.execute(finding.what_to_do.split("`")[1])
    assert (await place.findings())["publication"].level is Level.OK


async def test_a_bucket_is_missing(place: Place) -> None:
    """Named before the first delivery fails for it; the round trip fails with it."""
    place.db.superuser().execute(DROP_BUCKET.format("assets"))
    finding = await place.finds("buckets", Level.FAILING, also=("round trip",))
    assert "the bucket assets is missing" in finding.what


@pytest.mark.parametrize(
    ("change", "told", "level"),
    [
        ("public = true where id = 'assets'", "everybody can open", Level.FAILING),
        ("public = false where id = 'templates'", "is private", Level.FAILING),
        ("file_size_limit = null where id = 'inputs'", "any size", Level.WARNING),
        ("allowed_mime_types = null where id = 'inputs'", "more than pictures", Level.WARNING),
        ("file_size_limit = 1000000 where id = 'assets'", "takes 1 MiB", Level.WARNING),
    ],
)
async def test_a_bucket_is_set_up_otherwise(
    place: Place, change: str, told: str, level: Level
) -> None:
    """Open where it should be private, or with other limits than migrations gave it."""
    place.db.superuser().execute(f"update storage.buckets set {change}")
    assert told in (await place.finds("buckets", level)).what


async def test_another_bucket_is_asked_for(place: Place) -> None:
    """The bucket that a variable names has to be there."""
    found = await place.findings(settings={"generated_assets_bucket_name": "models"})
    assert "the bucket models is missing" in found["buckets"].what


async def test_default_privileges(place: Place) -> None:
    """Older projects' defaults in public are fine; those that reach our schemas are not."""
    grant = "alter default privileges for role postgres in schema {} grant all on tables to anon"
    place.db.admin.execute(grant.format("public"))
    found = await place.findings()
    assert found["default privileges"].level is Level.OK
    assert "older project" in found["default privileges"].what
    place.db.admin.execute(grant.format("meshqueue"))
    assert (
        "tables in meshqueue to anon"
        in (await place.finds("default privileges", Level.WARNING)).what
    )


async def test_settings_without_effect(place: Place) -> None:
    """Keys of an older set-up and typos are named; one for a single provider is none."""
    for key in ("meshy_dispatch_url", "max_in_flight_mesy", "credit_cost_preview_tripo"):
        place.db.admin.execute("insert into public.app_settings values (%s, '5')", key)
    finding = await place.finds("app_settings", Level.WARNING)
    assert "meshy_dispatch_url (of an older set-up)" in finding.what
    assert "max_in_flight_mesy (is max_in_flight_meshy meant?)" in finding.what
    assert "tripo;" not in finding.what
    place.db.admin.execute(finding.what_to_do.split("`")[1])
    assert (await place.findings())["app_settings"].level is Level.OK


async def test_a_value_that_cant_be_read(place: Place) -> None:
    """Written while the trigger was off: a create would break on it."""
    admin = place.db.admin
    admin.execute("alter table public.app_settings disable trigger app_settings_check")
    admin.execute("alter table public.app_settings disable trigger app_settings_apply")
    admin.execute("update public.app_settings set value = 'ten' where key = 'credit_cost_refine'")
    finding = await place.finds("values", Level.FAILING, also=("triggers",))
    assert "credit_cost_refine must be a whole number" in finding.what


async def test_a_value_that_is_not_in_force(place: Place) -> None:
    """What the table editor shows is not what is charged; the advice puts it right."""
    admin = place.db.admin
    admin.execute("alter table public.app_settings disable trigger app_settings_apply")
    admin.execute("update public.app_settings set value = '77' where key = 'credit_cost_refine'")
    admin.execute("alter table public.app_settings enable trigger app_settings_apply")
    finding = await place.finds("values", Level.FAILING)
    assert "credit_cost_refine" in finding.what
    admin.execute("select meshqueue.refresh_settings()")
    assert (await place.findings())["values"].level is Level.OK


async def test_a_limit_of_zero(place: Place) -> None:
    """It stops a provider, which is rarely meant."""
    place.db.admin.execute(
        "update public.app_settings set value = '0' where key = 'max_in_flight_meshy'"
    )
    finding = await place.finds("limits", Level.WARNING)
    assert "max_in_flight_meshy is 0" in finding.what
