"""What makes a file unreadable. The text names the place and what is wrong there."""


class GlbError(ValueError):
    """The file can't be read as GLB; nothing was written. Export it again, or repair the place."""

    def __init__(self, place: str, problem: str) -> None:
        super().__init__(f"{place}: {problem}")
        self.place = place
        self.problem = problem
