"""What a Supabase project has besides tables: publication, buckets, default privileges."""

from psycopg.rows import DictRow

from worker.doctor.check import Check
from worker.doctor.examined import Examined
from worker.doctor.finding import Finding, failing, ok, warning

PUBLISHED = {"ai_jobs", "assets"}
MIB = 1024 * 1024
INPUTS_LIMIT = 20 * MIB
INPUTS_TYPES = {"image/png", "image/jpeg", "image/webp"}
PUBLIC = {"inputs": False, "assets": False, "templates": True}


async def publication(examined: Examined) -> Finding:
    rows = await examined.database.rows("publication")
    missing = sorted(PUBLISHED - {row["tablename"] for row in rows})
    if not missing:
        return ok(" and ".join(sorted(PUBLISHED)))
    tables = ", ".join(f"public.{name}" for name in missing)
    return failing(
        f"Realtime does not publish {tables}: apps hear nothing of their jobs",
        f"`alter publication supabase_realtime add table {tables}`, or dashboard: Database,"
        " Publications. If the publication is missing: `create publication supabase_realtime`.",
    )


async def buckets(examined: Examined) -> Finding:
    wanted = {**PUBLIC, examined.settings.generated_assets_bucket_name: False}
    rows = {row["id"]: row for row in await examined.database.rows("buckets")}
    wrong = [flaw for name, open_ in wanted.items() if (flaw := flaw_of(rows, name, open_=open_))]
    if wrong:
        return failing("; ".join(wrong), "Put it right in the dashboard: Storage, the bucket.")
    if loose := looser_inputs(rows["inputs"]):
        return warning(loose, "Set 20 MiB, and png, jpeg, webp (dashboard: Storage, inputs).")
    if narrow := narrower_assets(rows, examined):
        return warning(narrow, "Take the limit away, or lower ASSET_MAX_MB to it.")
    return ok(", ".join(wanted))


def flaw_of(rows: dict[str, DictRow], name: str, *, open_: bool) -> str | None:
    if name not in rows:
        return f"the bucket {name} is missing"
    if bool(rows[name]["public"]) is open_:
        return None
    if open_:
        return f"the bucket {name} is private: nobody can open what was published"
    return f"the bucket {name} is public: everybody can open what lies in it"


def looser_inputs(inputs: DictRow) -> str | None:
    limit, types = inputs["file_size_limit"], inputs["allowed_mime_types"]
    if limit is None or limit > INPUTS_LIMIT:
        return "the bucket inputs takes files of any size"
    if types is None or not set(types) <= INPUTS_TYPES:
        return "the bucket inputs takes more than pictures"
    return None


def narrower_assets(rows: dict[str, DictRow], examined: Examined) -> str | None:
    name = examined.settings.generated_assets_bucket_name
    limit, most = rows[name]["file_size_limit"], examined.settings.asset_max_mb * 1_000_000
    if limit is not None and limit < most:
        return f"the bucket {name} takes {limit / MIB:.0f} MiB, a model may have {most / MIB:.0f}"
    if rows[name]["allowed_mime_types"] is not None:
        return f"the bucket {name} takes only some types of files"
    return None


async def default_privileges(examined: Examined) -> Finding:
    rows = await examined.database.rows("default_privileges")
    ours = [row["told"] for row in rows if row["schema"] != "public"]
    if ours:
        return warning(
            f"what the next migration makes would be open: {'; '.join(ours)}",
            "Take it back: `alter default privileges …  revoke all on … from anon, authenticated`.",
        )
    if rows:
        return ok("of an older project: your own new tables in public are open to clients")
    return ok("new tables give nothing to clients")


CHECKS = (
    Check("project", "publication", publication, needs=("connection",)),
    Check("project", "buckets", buckets, needs=("connection",)),
    Check("project", "default privileges", default_privileges, needs=("connection",)),
)
