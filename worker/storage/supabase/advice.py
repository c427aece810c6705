"""What an operator reads and can do when Supabase Storage refuses."""

from worker.storage.outcome import Missing, StorageFull, StorageRefused, StorageUnreachable
from worker.storage.supabase.wrong import Kind, Wrong

ADVICE = {
    Kind.NO_BUCKET: (
        "the bucket {bucket} does not exist, or SUPABASE_SERVICE_ROLE_KEY is an app's key, from "
        "which it is hidden. Run `meshqueue migrate`, and set the secret key"
    ),
    Kind.FULL: "the project has no room or no quota left. Free some, or change its plan",
    Kind.TOO_LARGE: (
        "the file is larger than the project or the bucket {bucket} allows. Raise the limit "
        "(dashboard: Storage, Settings) or lower ASSET_MAX_MB"
    ),
    Kind.BAD_TYPE: (
        "the bucket {bucket} does not take this type of file. Allow it (dashboard: Storage, "
        "the bucket's settings)"
    ),
    Kind.BAD_KEY: (
        "the project does not accept SUPABASE_SERVICE_ROLE_KEY. Set the service role key or a "
        "secret key of the project that SUPABASE_URL names (dashboard: Settings, API keys)"
    ),
    Kind.MISSING: "there is no such object in the bucket {bucket}",
    Kind.TAKEN: "another object lies under this key already",
    Kind.REFUSED: "Supabase Storage does not take this request. Check SUPABASE_URL",
}

OF_THE_FILE = {Kind.TOO_LARGE, Kind.BAD_TYPE}

Refusal = StorageFull | StorageRefused | StorageUnreachable


def refusal_of(wrong: Wrong | StorageUnreachable, bucket: str) -> Refusal:
    if isinstance(wrong, StorageUnreachable):
        return wrong
    why = _explained(wrong, bucket)
    if wrong.kind is Kind.FULL:
        return StorageFull(why)
    return StorageRefused(why, of_this_file=wrong.kind in OF_THE_FILE)


def absence_of(
    wrong: Wrong | StorageUnreachable, bucket: str
) -> Missing | StorageRefused | StorageUnreachable:
    """For calls that store nothing: to those, being full is a refusal like another."""
    if isinstance(wrong, StorageUnreachable):
        return wrong
    why = _explained(wrong, bucket)
    return Missing(why) if wrong.kind is Kind.MISSING else StorageRefused(why)


def _explained(wrong: Wrong, bucket: str) -> str:
    return f"{ADVICE[wrong.kind].format(bucket=bucket)} ({wrong})."
