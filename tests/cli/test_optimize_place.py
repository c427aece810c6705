import os
from pathlib import Path
from typing import Any

import pytest

from worker.errors import ModelFileError
from worker.offline.errands import place_of
from worker.offline.place import check_writable, read, write


def test_a_failed_write_leaves_the_old_file_and_no_part(tmp_path: Path) -> None:
    """Nobody finds half a file, whatever happens while it is written."""
    target = tmp_path / "model.glb"
    target.write_bytes(b"old")
    not_bytes: Any = "fails while the part is being written"
    with pytest.raises(TypeError):
        write(target, not_bytes)
    assert [path.name for path in tmp_path.iterdir()] == ["model.glb"]
    assert target.read_bytes() == b"old"


def test_a_link_is_followed(tmp_path: Path) -> None:
    """The file it leads to is replaced, the link stays."""
    target, link = tmp_path / "model.glb", tmp_path / "link.glb"
    target.write_bytes(b"old")
    link.symlink_to(target)
    write(link, b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """With what stands in the way."""
    (tmp_path / "file").touch()
    with pytest.raises(ModelFileError, match="can't be written"):
        write(tmp_path / "file" / "model.glb", b"new")


def test_the_mode_of_a_file_stays(tmp_path: Path) -> None:
    """Who could read it before can read it after, and nobody else."""
    target = tmp_path / "model.glb"
    target.write_bytes(b"old")
    target.chmod(0o640)
    write(target, b"new")
    assert target.stat().st_mode & 0o777 == 0o640


def test_a_protected_file_is_not_replaced(tmp_path: Path) -> None:
    """Though its folder would allow that; and this is said before the work, through a link too."""
    target, link = tmp_path / "model.glb", tmp_path / "link.glb"
    target.write_bytes(b"old")
    target.chmod(0o444)
    link.symlink_to(target)
    for place in (target, link):
        with pytest.raises(ModelFileError, match=r"\.glb: is write-protected"):
            check_writable(place)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_is_read_only_is_named(tmp_path: Path) -> None:
    """The nearest one that exists."""
    tmp_path.chmod(0o555)
    with pytest.raises(ModelFileError, match=f"the folder {tmp_path} is read-only"):
        check_writable(tmp_path / "deeper" / "model.glb")


def test_what_never_ends_is_not_read_for_ever(tmp_path: Path) -> None:
    """Neither a device nor a file over the limit."""
    for source in (Path("/dev/zero"), tmp_path / "large.glb"):
        (tmp_path / "large.glb").write_bytes(bytes(2001))
        with pytest.raises(ModelFileError, match="larger than 2,000 bytes"):
            read(source, most=2000)
    assert read(tmp_path / "large.glb", most=2001) == bytes(2001)


@pytest.mark.parametrize("name", ["x" * 300, "file/below.glb"])
def test_a_name_that_no_file_can_have_is_told(tmp_path: Path, name: str) -> None:
    """As the system puts it."""
    (tmp_path / "file").touch()
    with pytest.raises(ModelFileError, match="can't be read: "):
        place_of(str(tmp_path / name))
