import hmac
from dataclasses import dataclass
from hashlib import sha256

from tests.conformance.receiver import Delivery

HEADER = "tripo-webhook-signature"


def sign(secret: str, moment: int, raw: bytes) -> str:
    return hmac.new(secret.encode(), f"{moment}.".encode() + raw, sha256).hexdigest()


@dataclass(frozen=True)
class Signature:
    moment: int
    values: tuple[str, ...]

    @classmethod
    def of(cls, delivery: Delivery) -> "Signature":
        parts = [part.partition("=") for part in delivery.headers[HEADER].split(",")]
        (moment,) = (value for name, _, value in parts if name == "t")
        assert {name for name, _, _ in parts} == {"t", "v1"}
        return cls(int(moment), tuple(value for name, _, value in parts if name == "v1"))


def is_signed(delivery: Delivery, secret: str) -> bool:
    signature = Signature.of(delivery)
    return sign(secret, signature.moment, delivery.raw) in signature.values
