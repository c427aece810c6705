"""What is quoted of a file goes back short, whatever it is: an answer that is too long is none."""

MOST_LETTERS = 160


def brief(text: str) -> str:
    return "".join(letter if letter.isprintable() else " " for letter in text[:MOST_LETTERS])
