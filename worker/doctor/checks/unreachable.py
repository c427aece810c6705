"""Why a connection could not be made, from what libpq or a pooler says."""

import re

from psycopg.conninfo import conninfo_to_dict

from worker.daemon.reach import POOLER
from worker.doctor.finding import Finding, failing

# The first that fits counts: several addresses give several messages in one.
Causes = dict[str, tuple[str, str]]
ANSWERED: Causes = {
    r"password authentication failed|no password supplied|wrong password|SASL": (
        "the password is refused",
        (
            "Copy the connection string again (dashboard: Connect), or set a new password"
            " (Settings, Database). Special characters in it must be percent-encoded."
        ),
    ),
    r"tenant or user not found": (
        "the pooler knows no such project",
        (
            "With the pooler the user is postgres.<project>, and the region in the host must be the"
            " project's own: copy the string from the dashboard (Connect)."
        ),
    ),
    r"certificate|does not support SSL|SSL (error|connection|SYSCALL)|\bTLS\b|no encryption": (
        "TLS can't be agreed on",
        (
            "Look at sslmode and sslrootcert in DATABASE_URL. Supabase offers TLS; a Postgres that"
            " does not takes sslmode=disable, on a network of your own only."
        ),
    ),
    r"too many clients|remaining connection slots|max clients|too many connections": (
        "all of its connections are in use",
        "Stop workers or apps that hold many, lower their pools, or raise the pooler's size.",
    ),
    r'database "[^"]*" does not exist|role "[^"]*" does not exist|not permitted to log in': (
        "there is no such database or user",
        (
            "Copy the connection string again (dashboard: Connect): on Supabase the database is"
            " called postgres."
        ),
    ),
}
UNANSWERED: Causes = {
    r"connection refused": (
        "the connection is refused: nothing listens there",
        (
            "Check host and port, and whether the database runs; a paused project is restored in"
            " the dashboard."
        ),
    ),
    r"timeout|timed out": (
        "no answer in time",
        (
            "Something on the way swallows packets: a firewall, the project's network restrictions"
            " (Settings, Database), or a database that hangs."
        ),
    ),
}
IPV6 = "it has only an IPv6 address, which can't be reached from here"


def explained(url: str, error: str, *, only_ipv6: bool) -> Finding:
    host = str(conninfo_to_dict(url).get("host") or "the socket")
    said = f"({' '.join(error.split())})"
    if cause := cause_of(error, ANSWERED):
        return failing(f"{host}: {cause[0]} {said}", cause[1])
    if only_ipv6:
        return failing(f"{host}: {IPV6} {said}", f"Use the session pooler: {POOLER}")
    if cause := cause_of(error, UNANSWERED):
        return failing(f"{host}: {cause[0]} {said}", cause[1])
    return failing(f"{host} can't be reached {said}", "Check DATABASE_URL, and whether it runs.")


def cause_of(error: str, causes: Causes) -> tuple[str, str] | None:
    fitting = (cause for words, cause in causes.items() if re.search(words, error, re.IGNORECASE))
    return next(fitting, None)
