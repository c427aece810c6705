"""Texts from files that strangers made, on their way to a terminal."""

MOST = 1000


def printable(line: str) -> str:
    """What would steer the terminal, or begin a line of its own, is shown and not sent."""
    if not line.isprintable():
        line = "".join(map(shown, line[:MOST]))
    return line if len(line) <= MOST else f"{line[: MOST - 1]}…"


def shown(character: str) -> str:
    return character if character.isprintable() else ascii(character)[1:-1]
