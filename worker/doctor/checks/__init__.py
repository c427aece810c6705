"""Every check, in the order in which the table shows them."""

from worker.doctor.check import Check
from worker.doctor.checks import (
    app_settings,
    drift,
    jobs,
    migrations,
    project,
    providers,
    reach,
    sessions,
    storage,
    variables,
    web,
    workers,
)

CHECKS: tuple[Check, ...] = (
    *variables.CHECKS,
    *reach.CHECKS,
    *sessions.CHECKS,
    *migrations.CHECKS,
    *drift.CHECKS,
    *project.CHECKS,
    *app_settings.CHECKS,
    *storage.CHECKS,
    *providers.CHECKS,
    *workers.CHECKS,
    *jobs.CHECKS,
    *web.CHECKS,
)
