"""What is compared, as commands: ours, and the two that everybody uses."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.node import NodePackages, node_packages

PINNED = Path(__file__).parent / "peers"
BITS = {"position": 14, "normal": 10, "uv": 12}  # gltf-transform's defaults


@dataclass(frozen=True)
class Tool:
    name: str
    command: Callable[[Path, Path], list[str]]


@dataclass(frozen=True)
class Tools:
    """`draco_only` leaves textures as they are, all at the same bits; `full` does all it can."""

    ours: Tool
    transform: Tool
    pipeline: Tool
    ours_full: Tool
    transform_full: Tool
    ours_default: Tool

    @property
    def draco_only(self) -> tuple[Tool, Tool, Tool]:
        return self.ours, self.transform, self.pipeline

    @property
    def full(self) -> tuple[Tool, Tool]:
        return self.ours_full, self.transform_full


def find_tools() -> Tools:
    peers = node_packages("glb-peers", PINNED)
    bits = [option for name, value in BITS.items() for option in (f"--{name}-bits", str(value))]
    compress = ["--compress", "draco", "--texture-compress", "webp", "--simplify", "false"]
    return Tools(
        ours=meshqueue("meshqueue", "--no-textures", *bits),
        transform=gltf_transform(peers, "gltf-transform draco", "draco"),
        pipeline=gltf_pipeline(peers),
        ours_full=meshqueue("meshqueue web", "--preset", "web"),
        transform_full=gltf_transform(peers, "gltf-transform optimize", "optimize", *compress),
        ours_default=meshqueue("meshqueue balanced"),
    )


def meshqueue(name: str, *options: str) -> Tool:
    start = [sys.executable, "-m", "worker", "optimize", "--report", "none", *options]
    return Tool(name, lambda source, output: [*start, str(source), str(output)])


def gltf_transform(peers: NodePackages, name: str, task: str, *options: str) -> Tool:
    program = ["node", peers.command("gltf-transform"), task]
    return Tool(name, lambda source, output: [*program, str(source), str(output), *options])


def gltf_pipeline(peers: NodePackages) -> Tool:
    program = ["node", peers.command("gltf-pipeline"), "--draco.compressionLevel", "7"]
    for name, option in (("position", "Position"), ("normal", "Normal"), ("uv", "Texcoord")):
        program += [f"--draco.quantize{option}Bits", str(BITS[name])]
    return Tool(
        "gltf-pipeline, level 7",
        lambda source, output: [*program, "-i", str(source), "-o", str(output)],
    )
