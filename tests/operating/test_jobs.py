"""Jobs in a list, and which one a reference means."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from tests.operating.commands import Commands
from tests.operating.scene import Scene, set_scene
from tests.support import jobs
from tests.support.database import Database
from tests.support.jobs import rich_user
from worker.operating.desk import Connection
from worker.operating.errors import OperatingError
from worker.operating.finding import find_job, find_jobs
from worker.operating.listing import Wanted, list_jobs


@pytest.fixture
def scene(db: Database) -> Scene:
    return set_scene(db)


def ids(desk: Connection, **wanted: object) -> list[UUID]:
    return [job["id"] for job in list_jobs(desk, Wanted(**wanted))]  # type: ignore[arg-type]


def test_the_newest_comes_first(desk: Connection, scene: Scene) -> None:
    """As one looks for what just happened."""
    made = [scene.waiting, scene.running, scene.failed, scene.done]
    assert ids(desk) == [job["id"] for job in made]
    assert ids(desk, limit=2) == [job["id"] for job in made[:2]]


def test_filters_choose(db: Database, desk: Connection, scene: Scene) -> None:
    """By status, user, provider, code; together they narrow down."""
    other = jobs.create(db, rich_user(db), jobs.TRIPO_TEXT)
    assert ids(desk, statuses=["FAILED"]) == [scene.failed["id"]]
    assert ids(desk, statuses=["SUCCEEDED", "FAILED"]) == [scene.failed["id"], scene.done["id"]]
    assert ids(desk, users=[other["user_id"]]) == [other["id"]]
    assert ids(desk, provider="TRIPO") == [other["id"]]
    assert ids(desk, failed="moderated") == [scene.failed["id"]]
    assert ids(desk, failed="timeout") == []
    assert ids(desk, provider="TRIPO", statuses=["FAILED"]) == []


def test_times_choose(db: Database, desk: Connection, scene: Scene) -> None:
    """Of creation; where a failure is asked for, of the failure."""
    past = datetime.now(UTC) - timedelta(hours=3)
    db.superuser().execute(
        "begin; set local session_replication_role = replica;"
        f"update public.ai_jobs set created_at = '{past}' where id = '{scene.failed['id']}'; commit"
    )
    hour_ago = datetime.now(UTC) - timedelta(hours=1)
    assert scene.failed["id"] not in ids(desk, since=hour_ago)
    assert ids(desk, until=hour_ago) == [scene.failed["id"]]
    assert ids(desk, failed="moderated", since=hour_ago) == [scene.failed["id"]]


def test_the_command_lists(ops: Commands, scene: Scene) -> None:
    """A line a job in a pipe, aligned, with who, what and why."""
    answer = ops("jobs")
    header, *lines = answer.lines
    assert header.split()[:3] == ["id", "status", "stage"]
    assert [line[:8] for line in lines][-1] == str(scene.done["id"])[:8]
    failed = next(line for line in lines if "FAILED" in line)
    assert "moderated" in failed
    assert f"{scene.user}@example.com" in failed
    assert failed.endswith("cyberpunk katana")
    place = header.index("prompt")
    assert all(line[place - 2 : place] == "  " for line in lines)


def test_the_command_filters(ops: Commands, scene: Scene) -> None:
    """Every option reaches the list; a user is named by address or id, in any case."""
    told = ops.json("jobs", "--status", "open")["jobs"]
    assert [job["status"] for job in told] == ["QUEUED", "IN_PROGRESS"]
    address = f"{scene.user}@EXAMPLE.com"
    assert len(ops.json("jobs", "--user", address)["jobs"]) == 4
    assert len(ops.json("jobs", "--user", str(scene.user), "--limit", "1")["jobs"]) == 1
    assert ops.json("jobs", "--age", "1h")["jobs"] == []
    assert ops.json("jobs", "--provider", "tripo")["jobs"] == []
    (failed,) = ops.json("jobs", "--failed", "moderated", "--since", "2h")["jobs"]
    assert failed["id"] == str(scene.failed["id"])
    assert ops("jobs", "--age", "1d").text == "no such jobs\n"
    assert "there may be more" in ops("jobs", "--limit", "1").text


KEYS = [
    "id",
    "status",
    "stage",
    "progress",
    "provider",
    "kind",
    "user_id",
    "email",
    "client_task_id",
    "prompt",
    "credits_cost",
    "error_code",
    "error_message",
    "retry_of",
    "created_at",
    "started_at",
    "finished_at",
    "deadline_at",
]


@pytest.mark.usefixtures("scene")
def test_json_is_stable(ops: Commands) -> None:
    """The keys stay, numbers are numbers, times are ISO 8601."""
    for job in ops.json("jobs")["jobs"]:
        assert list(job) == KEYS
        assert isinstance(job["credits_cost"], int)
        assert datetime.fromisoformat(job["created_at"]).tzinfo == UTC


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["--status", "lost"], "lost is no status: choose from QUEUED"),
        (["--provider", "acme"], "acme is no provider"),
        (["--user", "nobody@example.com"], "no user has the e-mail address nobody@example.com"),
        (["--user", "0b0b"], "no user has the id 0b0b"),
        (["--since", "yesterday"], "yesterday is no moment"),
        (["--age", "2026-11-21"], "is no length of time"),
    ],
)
def test_a_wrong_filter_is_named(ops: Commands, arguments: list[str], named: str) -> None:
    """With what could have been meant."""
    answer = ops("jobs", *arguments)
    assert answer.code != 0
    assert named in answer.error


def test_what_users_wrote_cant_paint_the_screen(db: Database, ops: Commands) -> None:
    """Control characters of a prompt are not printed; it stays on its line."""
    jobs.create(db, rich_user(db), {"prompt": "a\u001b[31m red\u009b1m\nkatana\u202e"})
    (line,) = ops("jobs").lines[1:]
    assert line.endswith("a [31m red 1m katana")


# --- references


def test_a_job_is_found_by_its_id(desk: Connection, scene: Scene) -> None:
    """The whole, or a beginning of four digits or more, with or without hyphens."""
    job = scene.done["id"]
    for reference in (str(job), str(job).upper(), job.hex, str(job)[:13], job.hex[:20]):
        assert find_jobs(desk, reference) == [job]


def test_a_job_is_found_by_what_others_call_it(
    db: Database, desk: Connection, scene: Scene
) -> None:
    """The provider's task id, the app's client_task_id, its user's id or address."""
    assert find_jobs(desk, "task-running") == [scene.running["id"]]
    grouped = jobs.create(db, scene.user, client_task_id="order 7")
    assert find_jobs(desk, "order 7") == [grouped["id"]]
    assert len(find_jobs(desk, str(scene.user))) == 5
    assert len(find_jobs(desk, f"{scene.user}@example.com")) == 5


def test_what_is_surest_is_meant(db: Database, desk: Connection, scene: Scene) -> None:
    """A name that is also the beginning of an id means the job that was named so."""
    beginning = str(scene.done["id"])[:8]
    named = jobs.create(db, scene.user, client_task_id=beginning)
    assert find_jobs(desk, beginning) == [named["id"]]


@pytest.mark.usefixtures("scene")
@pytest.mark.parametrize("reference", ["", "%", "abc", "nothing", "0" * 33, "'; drop table x"])
def test_what_names_nothing_is_said(desk: Connection, reference: str) -> None:
    """With all that a reference may be."""
    with pytest.raises(OperatingError, match="no job is known as"):
        find_job(desk, reference)


def test_what_names_several_changes_none(ops: Commands, db: Database, scene: Scene) -> None:
    """A cancel of a group is refused, with the ids; show lists them."""
    group = [jobs.create(db, scene.user, client_task_id="group") for _ in range(2)]
    answer = ops("jobs", "cancel", "group")
    assert "group means 2 jobs" in answer.error
    assert str(group[0]["id"]) in answer.error
    assert {jobs.job(db, job["id"])["status"] for job in group} == {"QUEUED"}
    assert len(ops.json("jobs", "show", "group")["jobs"]) == 2


def test_show_takes_an_address_for_a_list(ops: Commands, db: Database, scene: Scene) -> None:
    """Also of somebody with no jobs; an unknown address is an error."""
    assert len(ops.json("jobs", "show", f"{scene.user}@example.com")["jobs"]) == 4
    nobody = db.new_user()
    assert ops.json("jobs", "show", f"{nobody}@example.com")["jobs"] == []
    assert "no user has" in ops("jobs", "show", "x@example.com").error
    assert "no job is known as feed" in ops("jobs", "show", "feed").error


def test_an_option_before_a_command_is_not_lost(ops: Commands, scene: Scene) -> None:
    """It would have asked another database than it seems."""
    answer = ops("jobs", "--local", "show", str(scene.done["id"]))
    assert "--local stands before `show`: write it behind" in answer.error
    answer = ops("jobs", "--limit", "3", "show", str(scene.done["id"]))
    assert "--limit stands before" in answer.error
