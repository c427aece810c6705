"""How long `migrate` waits, and for what."""

from dataclasses import dataclass

from worker.schema.step import Statement


@dataclass(frozen=True)
class Patience:
    """Dropping a trigger or a policy shuts its table: whoever waits longer holds up all behind."""

    lock_seconds: float = 5
    tries: int = 5
    pause_seconds: float = 0.5
    statement_seconds: float = 900
    turn_seconds: float = 120

    @property
    def settings(self) -> Statement:
        """An empty search path: a name that is not complete fails here, not on another project."""
        return Statement(
            "set local search_path = '';\n"
            f"set local lock_timeout = {round(self.lock_seconds * 1000)};\n"
            f"set local statement_timeout = {round(self.statement_seconds * 1000)};\n"
            "set local check_function_bodies = on;"
        )


PATIENT = Patience()
