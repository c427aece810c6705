"""The table, and below it what is not zero and should be."""

from collections.abc import Iterator

from rich.console import Console
from rich.table import Table

from tests.soak.audit import ZEROS
from tests.soak.disturbance import Kind
from tests.soak.figures import SHARES
from tests.soak.haste import LEASE
from tests.soak.soaking import REST_WITHIN, Report

AT_MOST = 10


def show(report: Report, console: Console) -> None:
    table = Table(title=f"soak: seed {report.soak.seed}", title_justify="left", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for part in (_lived, _disturbed, _zeros, _times):
        for row in part(report):
            table.add_row(*row)
        table.add_section()
    console.print(table)
    _explain(report, console)


def _lived(report: Report) -> Iterator[tuple[str, str]]:
    yield "jobs created", f"{sum(report.ended.values())}"
    for status in sorted(report.ended, key=lambda status: status == "FAILED"):
        yield f"  {status}", f"{report.ended[status]}"
    for code, number in report.failed.most_common():
        yield f"    {code}", f"{number}"
    for code, number in sorted(report.told.refusals.items()):
        yield f"  refused with {code}", f"{number}"
    yield "tasks at the providers", f"{report.tasks}"


def _disturbed(report: Report) -> Iterator[tuple[str, str]]:
    for kind in Kind:
        if kind is not Kind.FAULT:
            yield kind, f"{report.disturbed[kind]}"
    yield "faults of providers scripted", f"{report.disturbed[Kind.FAULT]}"
    yield "  different ones that met a request", "{} of {}".format(*report.faults)
    yield "workers that ended by themselves", f"{report.by_themselves}"


def _zeros(report: Report) -> Iterator[tuple[str, str]]:
    for zero in ZEROS:
        number = report.verdict.count(zero)
        yield zero, f"[bold red]{number}[/]" if number else "0"
    yield "paid, given up on and reported", f"{len(report.verdict.given_up)}"


def _times(report: Report) -> Iterator[tuple[str, str]]:
    rescued = report.rescues
    yield f"rescues after SIGKILL (a lease lasts {LEASE} s here)", f"{len(rescued.seconds)}"
    yield "longest time to rescue", f"{rescued.longest:.1f} s"
    for share, seconds in zip(SHARES, report.overhead, strict=False):
        yield f"our own overhead of a job, p{share * 100:.0f}", f"{seconds:.2f} s"
    rested = report.rested_after
    yield "all worked off after", "never" if rested is None else f"{rested:.0f} s"


def _explain(report: Report, console: Console) -> None:
    verdict = report.verdict
    for given in verdict.given_up[:AT_MOST]:
        console.print(f"given up on: {given.what}; job {given.job}", markup=False)
    if report.rested_after is None:
        console.print(f"There was no rest within {REST_WITHIN:g} s.")
    if report.holds:
        return
    console.print("[bold red]What should be zero is not.[/] To repeat it:")
    console.print(f"  {report.soak.command}", highlight=False)
    for finding in verdict.findings[:AT_MOST]:
        console.print(f"{finding.zero}: {finding.what}; job {finding.job}", markup=False)
        for line in report.dossiers.get(finding.job, []) if finding.job else []:
            console.print(f"    {line}", markup=False, highlight=False)
    if (more := len(verdict.findings) - AT_MOST) > 0:
        console.print(f"… and {more} more")
