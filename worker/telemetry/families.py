"""The database's numbers as Prometheus wants them. Every worker shows the same ones."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.metrics_core import Metric

PREFIX = "meshqueue_"


@dataclass(frozen=True, slots=True)
class Sample:
    name: str
    labels: Mapping[str, str]
    value: float


@dataclass(frozen=True, slots=True)
class Family:
    name: str
    kind: Literal["counter", "gauge"]
    text: str
    labels: tuple[str, ...] = ()

    def filled(self, samples: Iterable[Sample]) -> Metric:
        build = CounterMetricFamily if self.kind == "counter" else GaugeMetricFamily
        family = build(PREFIX + self.name, self.text, labels=self.labels)
        for sample in samples:
            family.add_metric(self.values_of(sample), sample.value)
        return family

    def values_of(self, sample: Sample) -> list[str]:
        """What a tally calls its detail has a name of its own in each family."""
        detail = sample.labels.get("detail", "")
        return [sample.labels.get(label, detail) for label in self.labels]


def counter(name: str, text: str, *labels: str) -> Family:
    return Family(name, "counter", text, labels)


def gauge(name: str, text: str, *labels: str) -> Family:
    return Family(name, "gauge", text, labels)


OF_THE_DATABASE = (
    counter("jobs_ended", "Jobs that ended, in whatever way", "provider", "outcome"),
    counter("jobs_failed", "Jobs that failed, by error_code", "provider", "code"),
    counter("submissions", "Paid requests, by what became of them", "provider", "outcome"),
    counter("provider_credits", "What providers took for tasks that ended", "provider"),
    counter("credits", "Users' credits that moved", "movement"),
    counter("model_bytes", "Bytes of GLBs before and after the optimiser", "provider", "side"),
    gauge("credits_reserved", "Credits that live jobs hold"),
    gauge("jobs_waiting", "Jobs that wait for a slot", "pool"),
    gauge("oldest_waiting_seconds", "How long the oldest of them has waited", "pool"),
    gauge("oldest_ready_seconds", "How long work that could begin has waited for a worker"),
    gauge("runs", "Stages that have not ended", "provider", "stage", "state"),
    gauge("slots", "Concurrent tasks that a provider's pool allows", "pool"),
    gauge("slots_taken", "Slots in use", "pool"),
    gauge("provider_paused", "1: a key of this provider is paused", "provider"),
    gauge("submissions_unresolved", "Paid requests of which nobody knows yet", "provider"),
    gauge("workers", "Workers that live"),
    gauge("worker_last_seen_timestamp_seconds", "When any worker was last seen"),
    gauge("deliveries_paused", "1: the storage takes nothing more"),
    gauge("removals_waiting", "Objects that are to be removed from the storage"),
    gauge("removals_failing", "Those of them that could not be removed so far"),
    gauge("publications_waiting", "Assets whose publishing, or the contrary, is under way"),
    gauge("stored_bytes", "Bytes of all that is stored, measured every quarter of an hour"),
    gauge("stored_objects", "Number of objects, measured likewise"),
    gauge("alarms_open", "Incidents that are not over", "kind"),
    gauge("alarms_untold", "Messages that the webhook has not taken yet"),
)

OF_THE_WORKER = (
    gauge("database_reachable", "1: the database answered this scrape"),
    gauge("listen_silent_seconds", "Since LISTEN was last known to work"),
    gauge("stages_held", "Stages in this worker's hands"),
    gauge("deliveries_held", "Deliveries in this worker's hands"),
    gauge("posts_under_way", "Paid requests without an answer at this moment"),
)


def families(kinds: Sequence[Family], samples: Iterable[Sample]) -> Iterator[Metric]:
    named: dict[str, list[Sample]] = {}
    for sample in samples:
        named.setdefault(sample.name, []).append(sample)
    for family in kinds:
        yield family.filled(named.get(family.name, ()))
