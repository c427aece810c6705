"""Putting what the user wrote into the one prompt that a model takes."""


def trimmed(words: str, longest: int) -> str:
    """Cut at a word where there is one, never refused: the plan was made before."""
    words = " ".join(words.split())
    if len(words) <= longest:
        return words
    cut = words[: longest + 1].rsplit(" ", 1)[0] if " " in words[: longest + 1] else words
    return cut[:longest].rstrip(" ,;")


def described(prompt: str, longest: int, *, art_style: str = "", without: str = "") -> str:
    """The prompt, its style, and what must not be seen.

    The style shortens the prompt where both don't fit; what must not be seen is left out whole,
    since half of it could ask for the contrary.
    """
    style = trimmed(art_style, longest // 2)
    room = longest - len(style) - 2 if style else longest
    told = ", ".join(part for part in (trimmed(prompt, room), style) if part)
    denied = f"{told}, without {' '.join(without.split())}"
    return denied if without.strip() and told and len(denied) <= longest else told
