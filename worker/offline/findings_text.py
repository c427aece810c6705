"""What is in a file, for a person to read or for a program."""

from collections.abc import Iterator, Sequence

import orjson

from worker.glb.checks import Finding, Findings, PrimitiveFacts, TextureFacts
from worker.offline.printable import printable
from worker.offline.sizes import human_bytes, percent

MOST_LINES = 20


def as_json(source: str, findings: Findings) -> str:
    told = {"file": source} | findings.to_dict()
    return orjson.dumps(told, option=orjson.OPT_INDENT_2).decode()


def as_text(source: str, findings: Findings) -> str:
    blocks = (
        [*headlines(source, findings), *extension_lines(findings)],
        ["bytes", *weight_lines(findings)],
        ["primitives", *first(map(primitive_line, findings.primitives), findings.primitives)],
        ["textures", *first(map(texture_line, findings.textures), findings.textures)],
        ["findings", *finding_lines(findings.findings)],
    )
    return "\n\n".join("\n".join(map(printable, block)) for block in blocks)


def headlines(source: str, findings: Findings) -> Iterator[str]:
    yield (
        f"{source}: {human_bytes(findings.bytes)}, {findings.triangles:,} triangles, "
        f"{findings.vertices:,} vertices"
    )
    yield "  " + ", ".join(f"{kind} {count:,}" for kind, count in findings.counts.items())


def extension_lines(findings: Findings) -> Iterator[str]:
    optional = sorted(set(findings.extensions_used) - set(findings.extensions_required))
    if findings.extensions_required:
        yield f"  requires {', '.join(findings.extensions_required)}"
    if optional:
        yield f"  uses {', '.join(optional)}"


def weight_lines(findings: Findings) -> Iterator[str]:
    for kind, count in findings.bytes_by_kind.items():
        yield f"  {human_bytes(count):>8}  {percent(count, findings.bytes):>6}  {kind}"


def first(lines: Iterator[str], pieces: Sequence[object]) -> Iterator[str]:
    for line, _ in zip(lines, range(MOST_LINES), strict=False):
        yield f"  {line}"
    if len(pieces) > MOST_LINES:
        yield f"  … and {len(pieces) - MOST_LINES:,} more: --json lists them all"
    if not pieces:
        yield "  none"


def primitive_line(facts: PrimitiveFacts) -> str:
    name = f' "{facts.name}"' if facts.name else ""
    attributes = ", ".join(f"{name} {kind}" for name, kind in facts.attributes.items())
    more = [facts.compression, f"{facts.morph_targets} morph targets" * bool(facts.morph_targets)]
    return ", ".join(
        [
            f"mesh {facts.mesh} primitive {facts.primitive}{name}: {facts.mode}",
            f"{facts.triangles:,} triangles, {facts.vertices:,} vertices",
            *filter(None, more),
            attributes,
        ]
    )


def texture_line(facts: TextureFacts) -> str:
    name = f' "{facts.name}"' if facts.name else ""
    size = f"{facts.size[0]} x {facts.size[1]}" if facts.size else "size unknown"
    kind = facts.mime.removeprefix("image/") or "unknown format"
    return f"image {facts.image}{name}: {facts.role}, {kind}, {size}, {human_bytes(facts.bytes)}"


def finding_lines(findings: Sequence[Finding]) -> Iterator[str]:
    yield from first((f"{finding.place}: {finding.text}" for finding in findings), findings)
