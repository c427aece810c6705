"""How the checks are made: side by side, none for long, and none can take the others down."""

import asyncio
import json
import threading

import pytest

from tests.doctor.place import Place, by_name
from worker.doctor.aside import aside
from worker.doctor.check import Check
from worker.doctor.examination import examine
from worker.doctor.examined import Examined
from worker.doctor.finding import Finding, Level, failing, ok, skipped, warning
from worker.doctor.once import Once
from worker.doctor.report import as_json, as_table, exit_code
from worker.errors import SettingsError

pytestmark = pytest.mark.newest_postgres


async def fine(_: Examined) -> Finding:
    return ok("fine")


async def broken(_: Examined) -> Finding:
    raise KeyError("nobody planned this")


async def refusing(_: Examined) -> Finding:
    raise SettingsError("a variable is wrong; correct it")


async def failing_(_: Examined) -> Finding:
    return failing("it fails", "mend it")


async def warning_(_: Examined) -> Finding:
    return warning("[bold]nearly[/bold] full", "make room")


async def test_a_check_that_breaks_is_a_finding(place: Place) -> None:
    """Whatever a check raises is shown in its line, and the others are made."""
    checks = [Check("a", "broken", broken), Check("a", "set", refusing), Check("b", "fine", fine)]
    found = by_name(await examine(place.examined(), checks))
    assert found["broken"].level is Level.FAILING
    assert "KeyError" in found["broken"].what
    assert found["set"].what == "a variable is wrong; correct it"
    assert found["fine"].level is Level.OK


async def test_what_needs_a_failed_one_is_skipped(place: Place) -> None:
    """By the name of what failed; a warning stops nobody."""
    checks = [
        Check("a", "last", fine, needs=("middle",)),
        Check("a", "middle", fine, needs=("first",)),
        Check("a", "first", failing_),
        Check("a", "nearly", warning_),
        Check("a", "after", fine, needs=("nearly",)),
    ]
    found = by_name(await examine(place.examined(), checks))
    assert found["middle"].what == "needs first"
    assert found["last"].what == "needs middle"
    assert found["after"].level is Level.OK


async def test_a_check_that_hangs(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is given up, as is one that can't be cancelled; the others are not held up."""
    monkeypatch.setattr("worker.doctor.examination.A_CHECK", 0.05)
    monkeypatch.setattr("worker.doctor.examination.ALTOGETHER", 0.3)
    let_go = asyncio.Event()

    async def hangs(_: Examined) -> Finding:
        await let_go.wait()
        return ok("never")

    async def clings(_: Examined) -> Finding:
        while not let_go.is_set():
            try:
                await let_go.wait()
            except asyncio.CancelledError:
                continue
        return ok("too late")

    checks = [Check("a", "hangs", hangs), Check("a", "clings", clings), Check("a", "fine", fine)]
    found = by_name(await examine(place.examined(), checks))
    let_go.set()
    assert found["hangs"] == found["clings"]
    assert found["hangs"].what == "no answer in time"
    assert found["fine"].level is Level.OK


async def test_no_secret_is_shown(place: Place) -> None:
    """Whatever a message quotes, keys and passwords are taken out of it."""
    examined = place.examined(url="postgresql://postgres:pass-word@h/x")
    secret = examined.keys[0].secret

    async def tells(_: Examined) -> Finding:
        return failing(f"the key {secret} is wrong", "try pass-word")

    made = await examine(examined, [Check("a", "tells", tells)])
    told = json.dumps(as_json(made)) + "".join(as_table(made, 80))
    assert secret not in told
    assert "pass-word" not in told


@pytest.mark.parametrize(
    ("looks", "code"),
    [((fine,), 0), ((fine, warning_), 1), ((failing_, warning_, fine), 2), ((), 0)],
)
async def test_the_exit_code(place: Place, looks: tuple[object, ...], code: int) -> None:
    """0 where all is well, 1 for warnings, 2 for what fails; skipped ones count as nothing."""

    async def not_asked(_: Examined) -> Finding:
        return skipped("not asked for")

    checks = [Check("a", str(n), look) for n, look in enumerate((*looks, not_asked))]  # type: ignore[arg-type]  # the looks above
    assert exit_code(await examine(place.examined(), checks)) == code


async def test_the_table(place: Place) -> None:
    """Grouped; what is fine takes a line, what is not says what to do; words are not markup."""
    checks = [Check("one", "a", fine), Check("two", "bbb", warning_), Check("two", "c", failing_)]
    lines = list(as_table(await examine(place.examined(), checks), None))
    assert lines[0] == "[bold]one[/bold]"
    assert lines[1].endswith("a    fine")
    assert r"\[bold]nearly\[/bold] full" in lines[3]
    assert lines[-1] == "3 checks: 1 ok, 1 warning, 1 failing"
    assert sum("→ " in line for line in lines) == 2
    skips = [Check("two", f"s{n}", fine, needs=("c",)) for n in range(3)]
    told = list(as_table(await examine(place.examined(), [*checks, *skips]), None))
    assert sum("needs c (also: s1, s2)" in line for line in told) == 1
    narrow = list(as_table(await examine(place.examined(), checks), 30))
    assert len(narrow) >= len(lines)


async def test_a_call_that_blocks(place: Place) -> None:
    """A dead name server holds up its check only; what it says too late is dropped."""
    held, over = threading.Event(), threading.Event()

    def look_up() -> None:
        held.wait()
        over.set()

    async def blocked(_: Examined) -> Finding:
        async with asyncio.timeout(0.05):
            await aside(look_up)
        return ok("never")

    checks = [Check("a", "blocked", blocked), Check("a", "fine", fine)]
    found = by_name(await examine(place.examined(), checks))
    assert found["blocked"].what == "no answer in time"
    assert found["fine"].level is Level.OK
    held.set()
    assert await asyncio.to_thread(over.wait, 10)


async def test_what_is_looked_at_together_is_fetched_once() -> None:
    """Eight checks read the catalog; one that loses patience leaves the others their answer."""
    fetched, go_on = [], asyncio.Event()

    async def fetch() -> int:
        fetched.append(1)
        await go_on.wait()
        return 42

    once = Once(fetch)
    impatient = asyncio.create_task(once.get())
    patient = asyncio.create_task(once.get())
    await asyncio.sleep(0)
    impatient.cancel()
    go_on.set()
    assert await patient == 42
    assert await once.get() == 42
    assert fetched == [1]
