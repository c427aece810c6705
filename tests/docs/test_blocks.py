"""Every command and every snippet that people may copy, tried as far as a machine allows."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import orjson
import pytest

from tests.docs.commands import commands_in, parse, targets
from tests.docs.pages import Block, blocks, in_language, pages
from tests.support import jobs
from tests.support.cache import CHECKOUT
from tests.support.database import Database

pytestmark = pytest.mark.newest_postgres

# Of these only the spelling is looked at: they need accounts, engines or root.
FOREIGN = frozenset({".", "cd", "chmod", "cp", "curl", "git", "install", "journalctl", "podman"})
FOREIGN |= {"python3", "railway", "set", "supabase", "systemctl"}
TRIED = frozenset({"sh", "sql", "js", "python", "jsonc", "mermaid", "text", "", "yaml"})
COMMENT = re.compile(r"\s//.*$", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:|#)([^)#\s]+)")


def named(block: Block) -> str:
    return block.name


def test_no_snippet_escapes() -> None:
    """Whatever language a snippet is written in, one of these tests tries it."""
    assert {block.language for block in blocks()} <= TRIED


@pytest.mark.parametrize("block", in_language("sh"), ids=named)
def test_shell(block: Block) -> None:
    """The shell can read it, our commands take these arguments, and nothing else is called."""
    checked = subprocess.run(
        ["bash", "-n"], input=block.text, text=True, capture_output=True, check=False, timeout=10
    )
    assert checked.returncode == 0, checked.stderr
    for command in commands_in(block):
        try_command(command)


def try_command(command: list[str]) -> None:
    match command:
        case ["meshqueue", *arguments]:
            parse(arguments)
        case ["make", target, *_]:
            assert target in targets()
        case [".venv/bin/pip", "install", *options]:
            assert [Path(o).name for o in options if o.endswith(".txt")] in (
                [],
                ["requirements.txt"],
            )
        case [name, *_]:
            assert name in FOREIGN, command


def test_the_files_that_commands_name_are_there() -> None:
    """What a command copies or builds from lies where it says."""
    text = "\n".join(block.text for block in in_language("sh"))
    for name in re.findall(r"\bdeploy/[\w.]+|\.env\.example", text):
        assert (CHECKOUT / name).is_file(), name


@pytest.mark.parametrize("block", in_language("sql"), ids=named)
def test_sql(db: Database, block: Block) -> None:
    """It runs on a database as `migrate` leaves it, as the role that the dashboard's editor has."""
    user = db.new_user()
    with db.admin.connection.transaction(force_rollback=True):
        db.admin.execute(block.text.replace("<user id>", str(user)))


@pytest.mark.parametrize("block", in_language("jsonc"), ids=named)
def test_a_request(db: Database, block: Block) -> None:
    """The request as it stands, its dots filled in, makes a job."""
    user = jobs.rich_user(db)
    text = COMMENT.sub("", block.text).replace("<user id>", str(user)).replace("https://…", URL)
    request = filled(orjson.loads(text), asset_of(db, user))
    assert jobs.create(db, user, request)["status"] == "QUEUED"


URL = "https://example.com/left.png"


def asset_of(db: Database, user: Any) -> str:
    with db.user(user) as session:
        return str(session.value('select asset_id from create_ai_job(\'{"prompt": "a cube"}\')'))


def filled(request: dict[str, Any], asset: str) -> dict[str, Any]:
    dotted = {name: "some words" for name, value in request.items() if value == "…"}
    refine = {**request["refine"], "texture_prompt": "some words"}
    return {**request, **dotted, "refine": refine, "asset_id": asset}


@pytest.mark.parametrize("block", in_language("js"), ids=named)
def test_javascript(tmp_path: Path, block: Block) -> None:
    """Node.js can read it as a module."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    module = tmp_path / "snippet.mjs"
    module.write_text(block.text)
    checked = subprocess.run(
        [node, "--check", module], capture_output=True, text=True, check=False, timeout=30
    )
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("block", in_language("mermaid"), ids=named)
def test_pictures(block: Block) -> None:
    """Each picture is of a kind that the renderer knows, and its brackets and quotes are closed."""
    kind = block.text.split()[0]
    assert kind in ("flowchart", "stateDiagram-v2")
    assert block.text.count('"') % 2 == 0
    for opened, closed in ("()", "[]", "{}"):
        assert block.text.count(opened) == block.text.count(closed)
    assert len(re.findall(r"^ *subgraph\b", block.text, re.MULTILINE)) == len(
        re.findall(r"^ *end$", block.text, re.MULTILINE)
    )


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Every link into the project leads to a file or a folder of it."""
    for link in LINK.findall(page.read_text()):
        assert (page.parent / link).exists(), link


@pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(CHECKOUT)))
def test_links_within_a_page_lead_somewhere(page: Path) -> None:
    """Every link to a heading leads to one that there is."""
    text = page.read_text()
    headings = {slug(title) for title in re.findall(r"^#+ (.+)$", text, re.MULTILINE)}
    assert set(re.findall(r"\]\(#([^)]+)\)", text)) <= headings


def slug(title: str) -> str:
    return re.sub(r"[^\w -]", "", title.lower()).replace(" ", "-")
