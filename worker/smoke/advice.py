"""What an operator can do about a refusal: by its code, else by the step it came from."""

from collections.abc import Mapping

LOOK = "Run `meshqueue doctor`: it looks for the cause."
UNREACHABLE = (
    "Is SUPABASE_URL right (https://<project>.supabase.co), and is the project awake? "
    "A free one is paused after a week without use."
)
BAD_KEY = (
    "SUPABASE_SERVICE_ROLE_KEY is not the secret key of the project that SUPABASE_URL names. "
    "Copy service_role or sb_secret_… again (dashboard: Settings, API keys)."
)
NOT_MIGRATED = "Run `meshqueue migrate` against this project's database, then try again."
NO_USER = (
    "Make the user first (dashboard: Authentication, Add user; or by signing up in your app), "
    "then try again."
)
CLOSED = f"Storage's policies let nobody in, or the files are gone. {LOOK}"

BY_CODE: Mapping[str, str] = {
    "no_answer": UNREACHABLE,
    "401": BAD_KEY,
    "403": BAD_KEY,
    "bad_jwt": BAD_KEY,
    "no_authorization": BAD_KEY,
    "not_admin": BAD_KEY,
    "PGRST301": BAD_KEY,
    "PGRST202": NOT_MIGRATED,
    "PGRST205": NOT_MIGRATED,
    "user_not_found": NO_USER,
    "user_banned": "Unban the user (dashboard: Authentication), or take another one.",
    "validation_failed": "Give the e-mail address of a user of the project.",
    "PT402": "Give the user credits: meshqueue credits grant {email} {needed} --reason smoke",
    "PT429": "This is the user's own limit (rate_job_create_per_minute). Wait, then try again.",
    "PT503": "meshqueue doctor says which key is missing or refused, and which provider is paused.",
}
# HTTP's numbers mean another thing at each step.
BY_NUMBER: Mapping[tuple[str, str], str] = {
    ("project", "404"): NOT_MIGRATED,
    ("user", "404"): NO_USER,
    ("files", "403"): CLOSED,
    ("files", "404"): CLOSED,
    ("download", "403"): CLOSED,
    ("download", "404"): CLOSED,
}
BY_STEP: Mapping[str, str] = {
    "work": "meshqueue jobs show {job} tells what happened. The credits are back.",
    "files": CLOSED,
    "download": CLOSED,
}


def way_out(step: str, code: str, **known: object) -> str:
    text = BY_NUMBER.get((step, code)) or BY_CODE.get(code) or BY_STEP.get(step, LOOK)
    return text.format_map({"email": "EMAIL", "needed": "100", "job": "ID", **known})
