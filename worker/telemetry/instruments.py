"""What this process counts for itself. Summed over all workers it is the whole.

prometheus_client, and no registry of our own: it has histograms, the text's escaping and the
process's own figures.
"""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
)

# A second series for each, which only OpenMetrics reads.
disable_created_metrics()  # type: ignore[no-untyped-call] # it forgot to say None
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)

MINUTES = (1, 2, 5, 10, 20, 30, 60, 120, 300, 600, 1800, 3600, 7200)
REQUESTS = (0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 120)
STEPS = (0.01, 0.05, 0.1, 0.5, 1, 5, 10, 30, 60, 300, 1800)
LAGS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5)


def counter(name: str, text: str, *labels: str) -> Counter:
    return Counter(name, text, labels, namespace="meshqueue", registry=REGISTRY)


def histogram(name: str, text: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
    return Histogram(name, text, labels, namespace="meshqueue", buckets=buckets, registry=REGISTRY)


STAGE_SECONDS = histogram(
    "stage_seconds",
    "From a stage's first beginning to its end",
    MINUTES,
    *("provider", "stage", "outcome"),
)
SLOT_WAIT_SECONDS = histogram(
    "slot_wait_seconds", "How long a stage waited for a slot", MINUTES, "provider", "stage"
)
PICKUP_SECONDS = histogram(
    "pickup_seconds", "How long a stage that could begin waited for a worker", STEPS, "stage"
)
STEP_SECONDS = histogram("step_seconds", "One step within a stage", STEPS, "step")
STAGE_WAITS = counter("stage_waits", "Stages put off without burning a try", "provider", "reason")
PROVIDER_REQUESTS = counter(
    "provider_requests", "Requests to providers", "provider", "operation", "status"
)
PROVIDER_SECONDS = histogram(
    "provider_request_seconds", "Until a provider's answer", REQUESTS, "provider", "operation"
)
RESCUES = counter("rescues", "Runs of dead workers, and wake-ups that were lost", "kind")
RESTARTS = counter("restarts", "Parts of the worker that were started again", "part")
FAULTS = counter("faults", "What ended in a way that nobody planned", "part")
LOOP_LAG_SECONDS = histogram("loop_lag_seconds", "How late the event loop is", LAGS)
ALARM_MESSAGES = counter("alarm_messages", "Messages to ALERT_WEBHOOK_URL", "outcome")

# A counter that begins with its first one has not risen, to those who watch it rise.
for each, words in ((RESCUES, ("rescued", "woken")), (ALARM_MESSAGES, ("sent", "not_sent"))):
    for word in words:
        each.labels(word)
