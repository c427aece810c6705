import json
from pathlib import Path

from tests.cli.commands import meshqueue
from tests.glb.build import bumpy, one_mesh
from tests.glb.textures.pictures import encoded, gradient, shown_as


def test_it_tells_what_is_in_a_file(tmp_path: Path) -> None:
    """Primitives, textures, bytes by kind, and that nothing was found."""
    (tmp_path / "model.glb").write_bytes(shown_as("normalTexture", encoded(gradient())).data())
    answer = meshqueue("inspect", "model.glb", folder=tmp_path)
    told = answer.stdout.decode()
    assert answer.returncode == 0
    assert "18 triangles, 16 vertices" in told
    assert "POSITION f32 x 3" in told
    assert "image 0: normal, png, 64 x 64" in told
    assert told.endswith("findings\n  none\n")


def test_it_tells_what_is_wrong(tmp_path: Path) -> None:
    """With the place."""
    surface = bumpy()
    surface.normals[0] = 0
    (tmp_path / "model.glb").write_bytes(one_mesh(surface).data())
    answer = meshqueue("inspect", "model.glb", folder=tmp_path)
    assert "mesh 0 primitive 0: 1 of 576 normals have no length" in answer.stdout.decode()


def test_it_tells_it_as_json(tmp_path: Path) -> None:
    """Also of what comes through a pipe."""
    answer = meshqueue("inspect", "-", "--json", folder=tmp_path, stdin=one_mesh().data())
    told = json.loads(answer.stdout)
    assert told["triangles"] == 1058
    assert told["findings"] == []


def test_long_lists_are_cut(tmp_path: Path) -> None:
    """And say how to see the rest."""
    builder = one_mesh(bumpy(3))
    for _ in range(30):
        builder.mesh(builder.root["meshes"][0]["primitives"][0])
    (tmp_path / "model.glb").write_bytes(builder.data())
    answer = meshqueue("inspect", "model.glb", folder=tmp_path)
    assert "… and 11 more: --json lists them all" in answer.stdout.decode()


def test_a_file_that_is_no_glb(tmp_path: Path) -> None:
    """Exit code 2, and what it is instead."""
    (tmp_path / "model.glb").write_bytes(b"solid cube, once upon a time")
    answer = meshqueue("inspect", "model.glb", folder=tmp_path)
    assert answer.returncode == 2
    assert answer.stderr.startswith(b"error: model.glb: header: begins with b'soli'")


def test_a_name_cannot_steer_the_terminal(tmp_path: Path) -> None:
    """Nor write lines of its own: names come from strangers."""
    builder = one_mesh()
    builder.root["meshes"][0]["name"] = "\x1b[2Jgone\nerror: \u202e" + "very " * 1000
    (tmp_path / "model.glb").write_bytes(builder.data())
    for command in ("inspect", "optimize"):
        answer = meshqueue(command, "model.glb", folder=tmp_path)
        text = answer.stdout.decode()
        assert "\\x1b[2Jgone\\nerror: \\u202every" in text
        assert not {"\x1b", "\u202e"} & set(text)
        assert max(map(len, text.splitlines())) <= 1000


def test_an_error_cannot_steer_the_terminal(tmp_path: Path) -> None:
    """It quotes what it found only in letters."""
    builder = one_mesh()
    builder.root["accessors"][0]["type"] = "\x1b[31mred"
    (tmp_path / "model.glb").write_bytes(builder.data())
    for command in ("inspect", "optimize"):
        answer = meshqueue(command, "model.glb", folder=tmp_path)
        assert b"accessor 0: type is '\\x1b[31mred'" in answer.stderr
        assert b"\x1b" not in answer.stderr
