"""Meshy's webhooks: a shared secret in a header, and the task object as the body."""

from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest

import orjson

from worker.providers.fields import entries, task_id
from worker.providers.outcome import Forged, Hint, Ignored
from worker.providers.protocol import Secrets

HEADERS = ("x-meshy-api-webhook-secret-key", "x-meshy-webhook-secret")


def verify(headers: Mapping[str, str], body: bytes, secrets: Secrets) -> Hint | Forged | Ignored:
    given = next((headers[name] for name in HEADERS if headers.get(name)), "")
    if not secrets.clear and not secrets.hashes:
        return Forged("no webhook secret of MESHY is configured here")
    if not given:
        return Forged(f"the header {HEADERS[0]} is missing")
    if not _is_known(given, secrets):
        return Forged("the secret is not ours")
    return _hint(body)


def _is_known(given: str, secrets: Secrets) -> bool:
    """Looks at all of them: how long it takes must not tell which one was near."""
    raw = given.encode("utf-8", "replace")
    digest = sha256(raw).hexdigest().encode()
    same = [compare_digest(raw, secret.encode()) for secret in secrets.clear if secret]
    same += [compare_digest(digest, known.lower().encode()) for known in sorted(secrets.hashes)]
    return any(same)


def _hint(body: bytes) -> Hint | Forged | Ignored:
    try:
        found = task_id(entries(orjson.loads(body)).get("id"))
    except orjson.JSONDecodeError:
        return Forged("the body is not JSON")
    return Hint(found) if found else Ignored()
