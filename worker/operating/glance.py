"""The whole at one moment: workers, queues, slots, stages under way, rates and latencies."""

from worker.operating.desk import Connection, Row, document


def take_glance(connection: Connection) -> Row:
    return document(connection, "glance")
