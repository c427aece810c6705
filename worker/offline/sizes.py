"""Numbers for people."""

STEP = 1000
THREE_DIGITS = 99.95


def human_bytes(count: int) -> str:
    """Three digits say enough: 344 B, 39.1 kB, 6.14 MB."""
    size, unit = float(count), "B"
    for larger in ("kB", "MB", "GB"):
        if size < STEP:
            break
        size, unit = size / STEP, larger
    if unit == "B" or size >= THREE_DIGITS:
        return f"{size:.0f} {unit}"
    return f"{size:.3g} {unit}"


def percent(part: int, whole: int) -> str:
    return f"{part / whole:.1%}" if whole else "0 %"
