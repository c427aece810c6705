"""Everything about one job."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from worker.operating.desk import Connection, Row, document
from worker.operating.situation import Situation, situation
from worker.operating.timeline import Timeline, timeline


@dataclass(frozen=True, slots=True)
class Dossier:
    found: Row
    timeline: Timeline
    situation: Situation

    def to_dict(self) -> dict[str, Any]:
        return {
            **self.found,
            "timeline": [stage.to_dict() for stage in self.timeline.stages],
            "situation": self.situation.to_dict(),
        }


def read_dossier(connection: Connection, job: UUID) -> Dossier:
    found = document(connection, "job", id=job)
    return Dossier(found, timeline(found), situation(found))
