"""Credits: shown, granted, taken back."""

import threading

import pytest

from tests.operating.commands import Commands
from tests.operating.scene import Scene, set_scene
from tests.support import jobs
from tests.support.database import Database
from tests.support.jobs import rich_user
from worker.operating.accounts import grant
from worker.operating.desk import Connection, connected


@pytest.fixture
def scene(db: Database) -> Scene:
    return set_scene(db)


def test_an_account_is_shown_with_its_ledger(ops: Commands, scene: Scene) -> None:
    """What there is, what is reserved and for which jobs, and every line."""
    told = ops.json("credits", "show", f"{scene.user}@example.com")
    spent = 10
    assert (told["balance"], told["reserved"]) == (1000 - spent, 70)
    assert told["available"] == told["balance"] - told["reserved"]
    assert (told["granted"], told["spent"]) == (1000, spent)
    assert {job["id"] for job in told["open_jobs"]} == {
        str(job["id"]) for job in (scene.running, scene.waiting)
    }
    assert sum(line["amount"] for line in told["ledger"]) == told["balance"]
    text = ops("credits", "show", str(scene.user), "--limit", "2").text
    assert "available  920" in text
    assert text.count("reserve ") == 2


@pytest.mark.usefixtures("scene")
def test_all_accounts_in_short(db: Database, ops: Commands) -> None:
    """The largest first, and the sums of all."""
    richest = rich_user(db, 5000)
    told = ops.json("credits", "show", "--limit", "1")
    assert [account["user_id"] for account in told["largest"]] == [str(richest)]
    assert (told["accounts"], told["balance"], told["reserved"]) == (2, 5990, 70)
    assert "2 accounts: balance 5,990, reserved 70" in ops("credits", "show").text


def test_nobody_has_anything(ops: Commands) -> None:
    """A fresh database is no error."""
    assert "no accounts" in ops("credits", "show").text


def test_credits_are_granted(db: Database, ops: Commands) -> None:
    """To a user by address, with a reason in the ledger; a reference grants once."""
    user = db.new_user()
    answer = ops(
        "credits", "grant", f"{user}@example.com", "100", "--reason", "order", "--reference", "4711"
    )
    assert answer.text == f"{user}@example.com: +100 credits; balance 100, available 100.\n"
    again = ops("credits", "grant", str(user), "100", "--reason", "order", "--reference", "4711")
    assert "nothing, because this reference was granted before" in again.text
    assert jobs.account(db, user) == (100, 0)
    (line,) = ops.json("credits", "show", str(user))["ledger"]
    assert (line["reason"], line["reference"]) == ("order", "4711")


def test_credits_are_taken_back(db: Database, ops: Commands, scene: Scene) -> None:
    """A negative amount takes what is available and no more: what is reserved stays."""
    told = ops.json("credits", "grant", str(scene.user), "-20", "--reason", "chargeback")
    assert (told["asked"], told["added"]) == (-20, -20)
    text = ops("credits", "grant", str(scene.user), "-5000", "--reason", "chargeback").text
    assert "-900 credits, no more was available; balance 70, available 0." in text
    text = ops("credits", "grant", str(scene.user), "-1", "--reason", "chargeback").text
    assert "nothing was available" in text
    assert jobs.account(db, scene.user) == (70, 70)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["{user}", "0", "--reason", "x"], "0 can't be granted"),
        (["{user}", "3000000000", "--reason", "x"], "can't be granted"),
        (["{user}", "5", "--reason", " "], "--reason is empty"),
        (["{user}", "5"], "Missing option '--reason'"),
        (["{user}", "much", "--reason", "x"], "parse string as an integer"),
        (["{user}", "5", "--reason", "x", "--refrence", "y"], "unexpected extra argument"),
        (["nobody@example.com", "5", "--reason", "x"], "no user has the e-mail address"),
        (["00000000-0000-0000-0000-000000000000", "5", "--reason", "x"], "no user has the id"),
    ],
)
def test_a_wrong_grant_is_refused(
    db: Database, ops: Commands, arguments: list[str], said: str
) -> None:
    """With what is wrong, and without a line in the ledger."""
    user = db.new_user()
    answer = ops("credits", "grant", *(argument.format(user=user) for argument in arguments))
    assert answer.code != 0
    assert said.lower() in " ".join(answer.error.lower().replace("│", " ").split())
    assert db.admin.value("select count(*) from credit_ledger") == 0


def test_an_address_of_two_is_no_address(db: Database, ops: Commands) -> None:
    """Single sign-on may give an address to several: one must be named by id."""
    users = [db.new_user() for _ in range(2)]
    query = "update auth.users set email = 'two@example.com', is_sso_user = true where id = any(%s)"
    db.superuser().execute(query, users)
    answer = ops("credits", "grant", "two@example.com", "5", "--reason", "x")
    assert all(str(user) in answer.error for user in users)
    assert db.admin.value("select count(*) from credit_ledger") == 0


def test_others_changes_do_not_count_as_ours(db: Database, desk: Connection) -> None:
    """Two grants at the same moment each tell their own sum."""
    user = rich_user(db)
    told: list[int] = []

    def other() -> None:
        with connected(db.url()) as connection:
            told.append(grant(connection, user, 7, "other", None).added)

    with desk.transaction():
        desk.execute("select meshqueue.lock_account(%s)", [user])
        thread = threading.Thread(target=other)
        thread.start()
        told.append(grant(desk, user, 5, "mine", None).added)
    thread.join()
    assert sorted(told) == [5, 7]
