from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg
from psycopg import sql

from worker.errors import EmbeddedPostgresError

SUPERUSER = "supabase_admin"
LOOPBACK = "127.0.0.1"
CONNECT_TIMEOUT = 30


@dataclass(frozen=True)
class Server:
    """A running Postgres. Its socket is private to the server's account, ours and root."""

    home: Path
    version: str
    socket: Path
    port: int
    password: str
    listens: bool

    def url(self, user: str = "postgres", database: str = "postgres") -> str:
        where = f"host={quote(str(self.socket), safe='')}&port={self.port}"
        return f"postgresql://{quote(user)}@/{quote(database)}?{where}"

    def tcp_url(self, user: str = "postgres", database: str = "postgres") -> str:
        """Sets the role's password: other users of this machine can reach the port."""
        if not self.listens:
            raise EmbeddedPostgresError(
                f"the PostgreSQL in {self.home} was started without a TCP port. "
                "Stop it, and start it again with tcp=True."
            )
        self._set_password(user)
        return (
            f"postgresql://{quote(user)}:{self.password}@{LOOPBACK}:{self.port}/{quote(database)}"
        )

    def _set_password(self, user: str) -> None:
        command = sql.SQL("alter role {} password {}").format(
            sql.Identifier(user), sql.Literal(self.password)
        )
        with psycopg.connect(self.url(SUPERUSER), connect_timeout=CONNECT_TIMEOUT) as connection:
            connection.execute(command)
