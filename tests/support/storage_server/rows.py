"""`storage.buckets` and `storage.objects`, each request under its caller's role and policies."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, LifoQueue
from typing import Any

import psycopg

from tests.support.database import Database
from tests.support.session import Session
from tests.support.storage_server.caller import SUPERUSER, Caller
from tests.support.storage_server.refusal import DENIED, NO_BUCKET, NO_OBJECT, TAKEN

Row = dict[str, Any]

BECOME = """
    select set_config('role', %s, true), set_config('request.jwt.claims', %s, true),
           set_config('storage.allow_delete_query', 'true', true)
"""
INSERT = """
    insert into storage.objects (bucket_id, name, owner_id, version, metadata)
    values (%s, %s, %s, %s, %s)
"""
FIND = "select * from storage.objects where bucket_id = %s and name = %s"
REMOVE = "delete from storage.objects where bucket_id = %s and name = any(%s) returning *"
LIST = "select * from storage.objects where bucket_id = %s and starts_with(name, %s) order by name"


class Rows:
    def __init__(self, db: Database) -> None:
        self._db = db
        self._idle: LifoQueue[Session] = LifoQueue()

    @contextmanager
    def request(self, caller: Caller) -> Iterator[Session]:
        try:
            session = self._idle.get_nowait()
        except Empty:
            session = self._db.connect("authenticator")
        try:
            with session.connection.transaction():
                session.execute(BECOME, caller.role, json.dumps(caller.claims))
                yield session
        except psycopg.errors.UniqueViolation:
            raise TAKEN from None
        except psycopg.errors.InsufficientPrivilege:
            raise DENIED from None
        finally:
            self._idle.put(session)

    def bucket(self, bucket: str) -> Row:
        return self.seen_bucket(SUPERUSER, bucket)

    def seen_bucket(self, caller: Caller, bucket: str) -> Row:
        with self.request(caller) as session:
            found = session.rows("select * from storage.buckets where id = %s", bucket)
        if not found:
            raise NO_BUCKET
        return found[0]

    def may_add(self, caller: Caller, bucket: str, key: str) -> None:
        """Tried and undone, as the API does before it takes any byte."""
        with self.request(caller) as session:
            session.execute(INSERT, bucket, key, caller.owner, None, None)
            raise psycopg.Rollback

    def add(self, caller: Caller, bucket: str, key: str, version: str, metadata: Row) -> None:
        with self.request(SUPERUSER) as session:
            session.execute(INSERT, bucket, key, caller.owner, version, metadata)

    def find(self, caller: Caller, bucket: str, key: str) -> Row:
        with self.request(caller) as session:
            found = session.rows(FIND, bucket, key)
        if not found:
            raise NO_OBJECT
        return found[0]

    def remove(self, caller: Caller, bucket: str, keys: list[str]) -> list[Row]:
        with self.request(caller) as session:
            return [dict(row) for row in session.rows(REMOVE, bucket, keys)]

    def below(self, caller: Caller, bucket: str, prefix: str) -> list[Row]:
        with self.request(caller) as session:
            return [dict(row) for row in session.rows(LIST, bucket, prefix)]
