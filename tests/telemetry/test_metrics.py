"""What /metrics shows, and that tables, rules and dashboard speak of nothing else."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.applications import Starlette
from starlette.routing import Route

from tests.support import jobs
from tests.support.cache import CHECKOUT
from tests.support.daemon import plan_for, the_end, until, working
from tests.support.database import Database
from tests.support.jobs import rich_user
from tests.support.proxy import proxy_to
from worker.daemon.daemon import Daemon
from worker.database.connection import new_pool
from worker.database.vitals import Vitals
from worker.http.metrics import Metrics
from worker.providers.call import Answer, Call, File, NoAnswer
from worker.providers.counting import operation_of, shown, status_of
from worker.providers.http import Http
from worker.simulator import Fault, Rule, Simulator
from worker.telemetry import lag
from worker.telemetry.families import OF_THE_DATABASE, OF_THE_WORKER, PREFIX
from worker.telemetry.instruments import REGISTRY
from worker.telemetry.steps import step

pytestmark = pytest.mark.newest_postgres

README = CHECKOUT / "README.md"
RULES = CHECKOUT / "deploy" / "alerts.yml"
DASHBOARD = CHECKOUT / "deploy" / "grafana.json"

Key = tuple[str, frozenset[tuple[str, str]]]


@pytest.fixture
def simulator() -> Iterator[Simulator]:
    with Simulator(seed=1, speed=200) as simulator:
        yield simulator


def read(text: str) -> dict[Key, float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def key(name: str, **labels: str) -> Key:
    return name, frozenset(labels.items())


def risen(before: dict[Key, float], after: dict[Key, float], wanted: Key) -> float:
    """This process counts for every test in it."""
    return after.get(wanted, 0) - before.get(wanted, 0)


@asynccontextmanager
async def asking(metrics: Metrics) -> AsyncIterator[httpx.AsyncClient]:
    app = Starlette(routes=[Route("/metrics", metrics.show)])
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://worker") as client:
        yield client


async def scrape(daemon: Daemon) -> dict[Key, float]:
    async with asking(Metrics(daemon.vitals, daemon._counts)) as client:  # noqa: SLF001
        return read((await client.get("/metrics")).text)


async def test_a_job_leaves_its_traces_in_the_numbers(
    db: Database, simulator: Simulator, tmp_path: Path
) -> None:
    """From its slot to its bytes: everything that an operator asks at night."""
    job = jobs.create(db, rich_user(db), jobs.PREVIEW_ONLY)
    async with working(plan_for(db, simulator, tmp_path)) as daemon:
        before = await scrape(daemon)
        ended = await the_end(db, job["id"])
        done = key(
            "meshqueue_stage_seconds_count", provider="MESHY", stage="DELIVER", outcome="done"
        )
        while not risen(before, after := await scrape(daemon), done):
            await asyncio.sleep(0.02)
    assert ended["status"] == "SUCCEEDED"
    for wanted in (
        key("meshqueue_jobs_ended_total", provider="MESHY", outcome="succeeded"),
        key("meshqueue_submissions_total", provider="MESHY", outcome="succeeded"),
        key("meshqueue_stage_seconds_count", provider="MESHY", stage="PREVIEW", outcome="done"),
        key("meshqueue_slot_wait_seconds_count", provider="MESHY", stage="PREVIEW"),
        key("meshqueue_pickup_seconds_count", stage="DELIVER"),
    ):
        assert risen(before, after, wanted) == 1, wanted
    for name in ("submit", "watch", "finish", "fetch", "optimise", "store"):
        assert risen(before, after, key("meshqueue_step_seconds_count", step=name)) >= 1, name
    assert risen(before, after, key("meshqueue_credits_total", movement="settled")) == 10
    smaller = key("meshqueue_model_bytes_total", provider="MESHY", side="after")
    assert risen(before, after, smaller) == ended["result_payload"]["bytes_after"]
    submitted = [
        risen(before, after, each)
        for each in after
        if each[0] == "meshqueue_provider_requests_total"
        and {("operation", "submit"), ("provider", "MESHY")} <= each[1]
    ]
    assert sum(submitted) == 1
    assert after[key("meshqueue_workers")] == after[key("meshqueue_database_reachable")] == 1
    assert after[key("meshqueue_jobs_failed_total", provider="TRIPO", code="timeout")] == 0


async def test_a_stage_that_is_put_off(db: Database, simulator: Simulator, tmp_path: Path) -> None:
    """Each time counts, with the reason."""
    simulator.script(Rule(fault=Fault.OUT_OF_CREDIT, provider="meshy", operation="create"))
    jobs.create(db, rich_user(db), jobs.PREVIEW_ONLY)
    wanted = key("meshqueue_stage_waits_total", provider="MESHY", reason="paused")
    async with working(plan_for(db, simulator, tmp_path)) as daemon:
        before = await scrape(daemon)
        while not risen(before, await scrape(daemon), wanted):
            await asyncio.sleep(0.02)


async def test_every_family_is_shown(db: Database) -> None:
    """Those of the database too, before anything has happened; each with its own labels."""
    db.admin.execute("update meshqueue.measurements set measured_at = now()")
    db.admin.execute("insert into meshqueue.alarms (kind) values ('restarts')")
    jobs.create(db, rich_user(db))
    jobs.new_worker(db)
    pool = new_pool(db.url())
    await pool.open()
    async with asking(Metrics(Vitals(pool), dict)) as client:
        seen = read((await client.get("/metrics")).text)
    await pool.close()
    for family in OF_THE_DATABASE:
        name = PREFIX + family.name + ("_total" if family.kind == "counter" else "")
        labels = {frozenset(each for each, _ in found[1]) for found in seen if found[0] == name}
        assert labels == {frozenset(family.labels)}, name
    assert all(value for found in seen for _, value in found[1]), "an empty label"


async def test_everything_that_is_read_is_shown(db: Database) -> None:
    """What the database tells has a family; else it would be lost without a word."""
    db.admin.execute("update meshqueue.measurements set measured_at = now()")
    told = {name for name, _, _ in db.admin.value("select meshqueue.vitals()")}
    assert told <= {family.name for family in OF_THE_DATABASE}


async def test_without_the_database(db: Database) -> None:
    """What it knows is left out rather than shown as nothing; what the process knows stays."""
    async with proxy_to(db.url()) as proxy:
        pool = new_pool(proxy.url)
        await pool.open()
        proxy.go_down()
        async with asking(Metrics(Vitals(pool), lambda: {"stages_held": 2.0})) as client:
            seen = read((await client.get("/metrics")).text)
        await pool.close()
    assert seen[key("meshqueue_database_reachable")] == 0
    assert seen[key("meshqueue_stages_held")] == 2
    assert key("meshqueue_workers") not in seen
    assert key("meshqueue_rescues_total", kind="rescued") in seen


async def test_a_flood_of_scrapes_is_one_question(db: Database) -> None:
    """Within seconds everybody is told the same: the door stands open on some platforms."""
    pool = new_pool(db.url())
    await pool.open()
    async with asking(Metrics(Vitals(pool), dict)) as client:
        first = read((await client.get("/metrics")).text)
        jobs.new_worker(db)
        answers = await asyncio.gather(*(client.get("/metrics") for _ in range(20)))
    await pool.close()
    workers = key("meshqueue_workers")
    assert {read(answer.text)[workers] for answer in answers} == {first[workers]} == {0}


async def test_a_token_keeps_the_numbers_from_the_world(db: Database) -> None:
    """Only who sends it, and all of it, is told."""
    pool = new_pool(db.url())
    await pool.open()
    sent = ("", "Bearer ", "Bearer a toke", "a token", "Bearer a token")
    async with asking(Metrics(Vitals(pool), dict, "a token")) as client:
        answers = [await client.get("/metrics", headers={"authorization": each}) for each in sent]
    await pool.close()
    assert [answer.status_code for answer in answers] == [401, 401, 401, 401, 200]
    assert answers[0].content == b""


@pytest.mark.parametrize(
    ("call", "operation"),
    [
        (Call("POST", "/", paid=True), "submit"),
        (Call("POST", "/", file=File("a", "image/png", b"")), "upload"),
        (Call("DELETE", "/"), "cancel"),
        (Call("GET", "/"), "ask"),
    ],
)
def test_a_request_has_one_of_few_names(call: Call, operation: str) -> None:
    """Never its path: that has a task's id."""
    assert operation_of(call) == operation


def test_a_status_is_one_of_few() -> None:
    """Whatever a server makes up."""
    assert status_of(NoAnswer(sent=True, reason="")) == "no_answer"
    assert status_of(NoAnswer(sent=False, reason="")) == "not_sent"
    assert (status_of(Answer(429)), status_of(Answer(418))) == ("429", "4xx")
    assert len({shown(status) for status in range(1000)}) < 30


async def test_a_request_that_never_left() -> None:
    """It counts for the provider that it was meant for."""
    http = Http("http://127.0.0.1:1", "a-good-key", {}, "NOBODY")
    await http.exchange(Call("GET", "/"))
    await http.close()
    wanted = {"provider": "NOBODY", "operation": "ask", "status": "not_sent"}
    assert REGISTRY.get_sample_value("meshqueue_provider_requests_total", wanted) == 1


async def test_the_lag_of_the_event_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    """What blocks it is seen."""
    monkeypatch.setattr(lag, "EVERY", 0.0)
    name = "meshqueue_loop_lag_seconds_count"
    before = REGISTRY.get_sample_value(name) or 0
    measuring = asyncio.create_task(lag.measure_lag())
    await until(lambda: (REGISTRY.get_sample_value(name) or 0) > before, "a measurement")
    measuring.cancel()


async def test_a_step_is_timed_however_it_ends() -> None:
    """A fault is no reason to forget the time that it took."""

    @step("a step of a test")
    async def fail() -> None:
        raise RuntimeError("a fault")

    with pytest.raises(RuntimeError):
        await fail()
    labels = {"step": "a step of a test"}
    assert REGISTRY.get_sample_value("meshqueue_step_seconds_count", labels) == 1


# --- what is written about them


def known() -> dict[str, set[str]]:
    """Every series by its name in a query, with its labels."""
    found = {"process_resident_memory_bytes": set[str](), "process_cpu_seconds_total": set[str]()}
    for family in (*OF_THE_DATABASE, *OF_THE_WORKER):
        ending = "_total" if family.kind == "counter" else ""
        found[PREFIX + family.name + ending] = set(family.labels)
    for instrument in instruments():
        name, labels = instrument._name, set(instrument._labelnames)  # noqa: SLF001
        if instrument._type == "counter":  # noqa: SLF001
            found[f"{name}_total"] = labels
        else:
            found |= {f"{name}{ending}": labels for ending in ("", "_sum", "_count")}
            found[f"{name}_bucket"] = labels | {"le"}
    return found


def instruments() -> list[Any]:
    collectors = REGISTRY._collector_to_names  # noqa: SLF001
    return [each for each in collectors if hasattr(each, "_labelnames")]


SERIES = re.compile(r"((?:meshqueue|process)_\w+)(?:\{([^}]*)\})?")
GROUPS = re.compile(r"\b(?:by|on)\s*\(([^)]*)\)")
OF_THE_SCRAPE = {"instance", "job"}


def check(expression: str) -> None:
    """Of a query: it can be read as far as brackets go, and names what there is."""
    assert expression.count("(") == expression.count(")"), expression
    allowed = set(OF_THE_SCRAPE)
    for name, matchers in SERIES.findall(expression):
        labels = known()[name]
        allowed |= labels
        asked = set(re.findall(r"(\w+)\s*(?:=~|!~|!=|=)", matchers))
        assert asked <= labels | OF_THE_SCRAPE, (name, asked)
    for group in GROUPS.findall(expression):
        assert {label.strip() for label in group.split(",")} <= allowed | {""}, expression


def table() -> dict[str, tuple[set[str], str]]:
    """The README's: by name its labels and its rule."""
    row = re.compile(r"(?m)^\| `((?:meshqueue|process)_\w+)` \|([^|]*)\|[^|]*\| ?(\w*) ?\|$")
    return {
        name: (set(re.findall(r"`(\w+)`", labels)), rule)
        for name, labels, rule in row.findall(README.read_text())
    }


RULE = re.compile(
    r"      - alert: Meshqueue(?P<name>\w+)\n"
    r"        expr: '(?P<expression>[^'\n]+)'\n"
    r"        for: \d+[mh]\n"
    r"        annotations:\n"
    r"          summary: '(?:[^'\n]|'')+'\n"
)
HEAD = re.compile(r"(?:#.*\n)+groups:\n  - name: meshqueue\n    rules:\n")


def rules() -> dict[str, str]:
    return {found["name"]: found["expression"] for found in RULE.finditer(RULES.read_text())}


def test_the_readme_has_every_metric() -> None:
    """With its labels, and no other; of a histogram its own name."""
    ours = {
        name: labels
        for name, labels in known().items()
        if name.startswith(PREFIX) and not name.endswith(("_bucket", "_sum", "_count"))
    }
    written = {name: labels for name, (labels, _) in table().items() if name.startswith(PREFIX)}
    assert written == ours


def test_the_rules_are_yaml_throughout() -> None:
    """Nothing but a head and rules of one form: so what the tests read is what Prometheus reads."""
    text = RULES.read_text()
    assert RULE.sub("", HEAD.sub("", text)) == ""


@pytest.mark.parametrize("name", rules())
def test_a_rule_asks_for_what_there_is(name: str) -> None:
    """And the README says which metric it watches."""
    check(rules()[name])
    watched = [metric for metric, (_, rule) in table().items() if rule == name]
    assert len(watched) == 1
    assert watched[0] in rules()[name]


def test_the_readme_names_no_rule_that_is_not_there() -> None:
    """Whoever follows the last column finds something."""
    assert {rule for _, rule in table().values() if rule} == rules().keys()


def queries() -> list[str]:
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [target["expr"] for panel in panels for target in panel.get("targets", ())]


def test_the_dashboard_asks_for_what_there_is() -> None:
    """Each of its queries, and nothing that the worker tells is left out of it."""
    for query in queries():
        check(query)
    shown_ = {name for query in queries() for name, _ in SERIES.findall(query)}
    for name in table():
        assert {name, f"{name}_bucket"} & shown_, name


def test_the_dashboard_has_no_two_panels_in_one_place() -> None:
    """Grafana would shift them about."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    places = [
        (column, row)
        for panel in panels
        for column in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for row in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(places) == len(set(places))
    assert len({panel["id"] for panel in panels}) == len(panels)
