import os
import secrets
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType

from worker.embedded.account import server_account
from worker.embedded.binaries import binaries_in, default_binaries
from worker.embedded.cluster import Cluster
from worker.embedded.lock import Users, exclusive
from worker.embedded.place import data_home, reachable_binaries, socket_folder
from worker.embedded.postmaster import Postmaster, find_postmaster
from worker.embedded.server import LOOPBACK, Server

ALWAYS = MappingProxyType({"max_connections": "100", "timezone": "UTC", "log_timezone": "UTC"})
# Supabase runs with logical WAL for Realtime; without it a publication comes with a warning.
DURABLE = MappingProxyType({"wal_level": "logical"})
THROW_AWAY = MappingProxyType(
    {
        **DURABLE,
        "fsync": "off",
        "synchronous_commit": "off",
        "full_page_writes": "off",
        "autovacuum": "off",
        "max_wal_size": "128MB",
    }
)


@contextmanager
def running(
    data: Path,
    *,
    binaries: Path | None = None,
    options: Mapping[str, str] = DURABLE,
    tcp: bool = False,
    keep: bool = True,
) -> Iterator[Server]:
    """Run a Postgres on this folder, or join the one that runs there already.

    The last process that leaves stops it. Whoever is killed leaves too, but stops nothing: the
    next one to come finds the server running and stops it in the end. Options hold for the
    process that starts the server. Without `keep` the last one also removes the data.
    """
    cluster = _cluster(data, binaries)
    with exclusive(cluster.home / "start.lock"):
        server = _join(cluster) or _start(cluster, options, tcp=tcp)
        users = Users(cluster.home / "users.lock")
    try:
        yield server
    finally:
        with exclusive(cluster.home / "start.lock"):
            if users.leave():
                cluster.stop()
                if not keep:
                    cluster.remove()


def stands(data: Path) -> bool:
    """Whether there is a server's data in this folder, running or not."""
    return _cluster(data, None).data.exists()


def _cluster(data: Path, folder: Path | None) -> Cluster:
    account = server_account()
    binaries = default_binaries() if folder is None else binaries_in(folder)
    return Cluster(data_home(data, account), reachable_binaries(binaries, account), account)


def _join(cluster: Cluster) -> Server | None:
    found = find_postmaster(cluster.data)
    return None if found is None else _server(cluster, found)


def _start(cluster: Cluster, options: Mapping[str, str], *, tcp: bool) -> Server:
    cluster.ensure(_password(cluster))
    cluster.start({**ALWAYS, **options, **_listening(cluster, tcp=tcp)})
    started = _join(cluster)
    assert started is not None  # noqa: S101 - pg_ctl waited until the server was ready
    return started


def _server(cluster: Cluster, found: Postmaster) -> Server:
    return Server(
        home=cluster.home,
        version=cluster.binaries.version,
        socket=found.socket,
        port=found.port,
        password=_password(cluster),
        listens=bool(found.address),
    )


def _listening(cluster: Cluster, *, tcp: bool) -> dict[str, str]:
    return {
        "unix_socket_directories": str(socket_folder(cluster.home, cluster.account)),
        "listen_addresses": LOOPBACK if tcp else "",
        "port": str(_free_port()) if tcp else "5432",
    }


def _free_port() -> int:
    with socket.create_server((LOOPBACK, 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _password(cluster: Cluster) -> str:
    file = cluster.home / "password"
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as opened:
            opened.write(secrets.token_urlsafe(24))
    return file.read_text()
