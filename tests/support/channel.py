"""What the engine tells the workers by NOTIFY."""

import json
from typing import Any

from tests.support.database import Database
from tests.support.session import Session

LAST = "that is all"


def listen(db: Database) -> Session:
    listener = db.postgres()
    listener.execute("listen meshqueue")
    return listener


def heard(listener: Session) -> list[dict[str, Any]]:
    """Everything that was sent before this call; it ends with a message of its own."""
    listener.execute("select pg_notify('meshqueue', %s)", LAST)
    messages: list[dict[str, Any]] = []
    for notice in listener.connection.notifies(timeout=60):
        if notice.payload == LAST:
            return messages
        messages.append(json.loads(notice.payload))
    raise AssertionError("not even our own message came")
