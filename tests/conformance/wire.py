"""Clients that know nothing of the simulator, and nothing of TLS: all is loopback.

A client of httpx that may speak TLS loads the system's certificates first: 150 ms each, measured.
"""

import ssl

import httpx

PATIENCE = httpx.Timeout(60.0)
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


def client(base_url: str = "", key: str | None = None) -> httpx.Client:
    headers = {"Authorization": f"Bearer {key}"} if key else None
    return httpx.Client(
        base_url=base_url,
        headers=headers,
        timeout=PATIENCE,
        verify=NO_CERTIFICATES,
        trust_env=False,
    )


def fetch(url: str, headers: dict[str, str] | None = None) -> httpx.Response:
    """A request of a stranger: without a key."""
    with client() as http:
        return http.get(url, headers=headers)


def send(url: str, body: object) -> httpx.Response:
    with client() as http:
        return http.post(url, json=body)
