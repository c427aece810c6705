"""The check itself is checked: does it notice."""

import numpy as np
import pytest

from tests.glb.build import one_mesh
from worker.glb import Options
from worker.glb.geometry.channels import Channel, Way
from worker.glb.geometry.encode import EncodingError, Work, encode
from worker.glb.geometry.families import by_mesh
from worker.glb.geometry.fingerprint import fingerprint
from worker.glb.geometry.groups import find_groups
from worker.glb.geometry.prepare import Refused, prepare_family
from worker.glb.geometry.stretch import Stretches
from worker.glb.geometry.texels import Texels
from worker.glb.geometry.verify import Expected, expect, verify
from worker.glb.optimize import read

ROLLS = [(0, 1, 2), (1, 2, 0), (2, 0, 1)]


def work() -> Work:
    document = read(one_mesh().textured().data()).document
    (family,) = by_mesh(find_groups(document))
    prepared = prepare_family(
        document, family, Options(), Texels(document, {}), Stretches(document)
    )
    assert not isinstance(prepared, Refused)
    return prepared[0].work


def changed(job: Work, name: str, change: float) -> Work:
    """The same work with one value of one attribute moved."""
    channels = list(job.channels)
    at = next(number for number, channel in enumerate(channels) if channel.name == name)
    old = channels[at]
    values = old.values.copy()
    values[300, 0] += change
    channels[at] = Channel(old.name, old.way, values, old.normalized, old.bits)
    return Work(job.faces, tuple(channels), job.grid)


def test_what_draco_makes_passes() -> None:
    """Its result is predicted to the last bit."""
    job = work()
    decoded = verify(encode(job, 7), job, expect(job))
    assert (decoded.vertices, decoded.triangles) == (576, 1058)


@pytest.mark.parametrize("name", ["POSITION", "NORMAL", "TEXCOORD_0"])
def test_one_wrong_value_is_noticed(name: str) -> None:
    """Of one attribute, at one vertex, by a few steps of the grid."""
    job = work()
    with pytest.raises(EncodingError, match="differs from the source"):
        verify(encode(changed(job, name, 0.01), 7), job, expect(job))


def test_a_lost_triangle_is_noticed() -> None:
    """The count is looked at before anything else."""
    job = work()
    fewer = Work(job.faces[1:], job.channels, job.grid)
    with pytest.raises(EncodingError, match="1 triangles would be lost"):
        verify(encode(fewer, 7), job, expect(job))


def test_a_triangle_that_looks_the_other_way_is_noticed() -> None:
    """Corners and values are the same; only the front is not."""
    job = work()
    faces = job.faces.copy()
    faces[10] = faces[10][::-1]
    with pytest.raises(EncodingError, match="differs"):
        verify(encode(Work(faces, job.channels, job.grid), 7), job, expect(job))


def test_swapped_attributes_are_noticed() -> None:
    """The types are as they should be, the values are not."""
    job = work()
    uv = next(channel for channel in job.channels if channel.way is Way.UV)
    turned = Channel(uv.name, uv.way, np.ascontiguousarray(uv.values[:, ::-1]), False, uv.bits)  # noqa: FBT003
    others = [channel for channel in job.channels if channel is not uv]
    with pytest.raises(EncodingError, match="differs"):
        verify(encode(Work(job.faces, (*others, turned), job.grid), 7), job, expect(job))


def test_garbage_is_noticed() -> None:
    """Bytes that are no Draco at all are an error of the encoding, nothing more."""
    job = work()
    with pytest.raises(EncodingError, match="can't be decoded"):
        verify(b"DRACO" + bytes(50), job, Expected(0, 0.0))


@pytest.mark.parametrize("roll", ROLLS)
def test_a_fingerprint_knows_no_order(roll: tuple[int, ...]) -> None:
    """Neither of the triangles nor of where each begins; turned over it is another."""
    job = work()
    columns = [channel.values for channel in job.channels]
    shuffled = np.random.default_rng(1).permutation(job.faces)[:, roll]
    assert fingerprint(shuffled, columns) == fingerprint(job.faces, columns)
    assert fingerprint(job.faces[:, ::-1], columns) != fingerprint(job.faces, columns)
