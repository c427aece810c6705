"""Signed links to files: whoever has one may download, until it expires."""

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import urlencode


class Links:
    def __init__(self, base: str, secret: str) -> None:
        """`base` stands for the address of the provider's CDN."""
        self.base = base
        self._secret = secret.encode()

    def sign(self, path: str, expires: float, nonce: str = "") -> str:
        query = {"Expires": str(int(expires)), "Key-Pair-Id": "SIMULATED"}
        if nonce:
            query["Nonce"] = nonce
        query["Signature"] = self._signature(path, query)
        return f"{self.base}{path}?{urlencode(query)}"

    def opens(self, path: str, query: Mapping[str, str], now: float) -> bool:
        signed = {name: value for name, value in query.items() if name != "Signature"}
        genuine = hmac.compare_digest(query.get("Signature", ""), self._signature(path, signed))
        return genuine and now < int(query["Expires"])

    def _signature(self, path: str, query: Mapping[str, str]) -> str:
        message = f"{path}?{urlencode(sorted(query.items()))}".encode()
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()
