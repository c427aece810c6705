"""Writes what the doctor expects of the catalog: `python -m tests.doctor.manifest`.

On the newest Postgres that is found; a test compares it with the oldest.
"""

import tempfile
from pathlib import Path

from worker.doctor.expected import FILE, read_catalog_now
from worker.embedded import SUPERUSER, THROW_AWAY, running
from worker.schema.migrate import migrate


def write(file: Path = FILE) -> None:
    with (
        tempfile.TemporaryDirectory(prefix="meshqueue-manifest-") as folder,
        running(Path(folder) / "postgres", options=THROW_AWAY, keep=False) as server,
    ):
        migrate(server.url(SUPERUSER))
        file.write_text(read_catalog_now(server.url()).as_json(), encoding="utf-8")


if __name__ == "__main__":
    write()
