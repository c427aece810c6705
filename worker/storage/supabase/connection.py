"""One project: its address, its key, and the client that speaks with it."""

import httpx
from storage3 import AsyncStorageClient

from worker.errors import SettingsError

PATH = "/storage/v1"


class Connection:
    def __init__(self, url: str, key: str, timeout: httpx.Timeout) -> None:
        self.project = _address(url)
        self.root = self.project + PATH
        headers = _headers(key)
        # Redirects are not followed: they would carry the key to wherever they point.
        self.http = httpx.AsyncClient(
            headers=headers,
            timeout=timeout,
            follow_redirects=False,
            limits=httpx.Limits(max_connections=None),  # cancellations would use them up
        )
        self.client = AsyncStorageClient(f"{self.root}/", headers, http_client=self.http)

    def __repr__(self) -> str:
        return f"Connection({self.project})"


def _headers(key: str) -> dict[str, str]:
    """A JWT or `sb_secret_…`: never looked into."""
    key = key.strip()
    if not key or not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError(
            "SUPABASE_SERVICE_ROLE_KEY is empty or holds characters that no key has. "
            "Copy it again (dashboard: Settings, API keys)."
        )
    return {"apikey": key, "authorization": f"Bearer {key}"}


def _address(url: str) -> str:
    try:
        parsed = httpx.URL(url.strip())
    except httpx.InvalidURL:
        parsed = httpx.URL()
    if parsed.scheme not in ("https", "http") or not parsed.host or parsed.userinfo:
        raise SettingsError(
            "SUPABASE_URL is not the address of a project. "
            "It should look like https://<project>.supabase.co."
        )
    return str(parsed.copy_with(query=None, fragment=None)).rstrip("/")
