"""Files in a folder, for local runs: the same buckets and keys as in Supabase Storage."""

import shutil
from pathlib import Path
from uuid import uuid4


class FolderStorage:
    def __init__(self, root: Path) -> None:
        self.root = root

    def path(self, bucket: str, key: str) -> Path:
        found = (self.root / bucket / key).resolve()
        if not found.is_relative_to((self.root / bucket).resolve()):
            raise ValueError(f"{key} leads out of bucket {bucket}")
        return found

    def put(self, bucket: str, key: str, source: Path) -> None:
        """Whole or not at all. The same key always holds the same bytes, so twice is no harm."""
        target = self.path(bucket, key)
        target.parent.mkdir(parents=True, exist_ok=True)
        half = target.with_name(f".{uuid4()}")
        try:
            shutil.copyfile(source, half)
            half.replace(target)
        finally:
            half.unlink(missing_ok=True)

    def read(self, bucket: str, key: str) -> bytes:
        return self.path(bucket, key).read_bytes()

    def url(self, bucket: str, key: str) -> str:
        return self.path(bucket, key).as_uri()
