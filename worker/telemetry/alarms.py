"""Tells an operator without a monitoring stack what is wrong: once, and again when it is over.

The database holds the incidents, so it does not matter how many workers look: one of them tells.
Who dies over it is followed by another a minute later. So each message is sent at least once, and
twice only if somebody died, or was very slow, between the answer and its record.
"""

from dataclasses import dataclass, field

import structlog

from worker.database.vitals import Alarm, Vitals
from worker.telemetry.instruments import ALARM_MESSAGES
from worker.telemetry.webhook import NotSent, Sent, Webhook, fault_of
from worker.telemetry.wording import message_of

LOOK_EVERY = 15.0  # s
AT_ONCE = 5  # messages: a claim holds for a minute, and each may take ten seconds

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Alert:
    """Where to, and what counts as wrong."""

    url: str = field(repr=False)
    place: str
    """As the messages name this installation."""
    waiting_minutes: int = 30
    quota_bytes: int = 0


class Alarms:
    def __init__(self, vitals: Vitals, alert: Alert) -> None:
        self._vitals = vitals
        self._alert = alert
        self._webhook = Webhook(alert.url)
        self._complaint: str | None = None

    async def turn(self) -> None:
        alert = self._alert
        await self._vitals.look_for_trouble(alert.waiting_minutes, alert.quota_bytes)
        for alarm in await self._vitals.claim_alarms(AT_ONCE):
            await self._tell(alarm)

    async def _tell(self, alarm: Alarm) -> None:
        outcome = await self._webhook.send(message_of(alarm, self._alert.place), alarm)
        match outcome:
            case Sent():
                await self._vitals.alarm_told(alarm)
                ALARM_MESSAGES.labels("sent").inc()
                self._note(None)
            case NotSent(why, retry_after):
                await self._vitals.alarm_not_told(alarm, retry_after)
                ALARM_MESSAGES.labels("not_sent").inc()
                self._note(why)

    def _note(self, complaint: str | None) -> None:
        """Once, not at each try."""
        if complaint and complaint != self._complaint:
            log.warning("alarm_untold", action="alarm_untold", why=complaint)
        elif self._complaint and not complaint:
            log.info("alarms_told_again", action="alarms_told_again")
        self._complaint = complaint

    async def close(self) -> None:
        await self._webhook.close()


def open_alarms(vitals: Vitals, alert: Alert | None) -> Alarms | None:
    """A worker without alarms works all the same."""
    if alert is None:
        return None
    if fault := fault_of(alert.url):
        log.error("alarms_off", action="alarms_off", why=f"ALERT_WEBHOOK_URL: {fault}")
        return None
    return Alarms(vitals, alert)
