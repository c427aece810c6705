"""The snippets for apps, run as they stand: the real clients, PostgREST, policies and a worker."""

import ast
import asyncio
import base64
import inspect
import json
import os
import shutil
import sys
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from tests.clients.app import CLIENTS, PNG, App, client_file, session_of
from tests.docs.pages import Block, in_language
from tests.support.jobs import rich_user
from tests.support.node import NodePackages, NotInstallableError, node_packages
from tests.support.project import token

pytestmark = pytest.mark.newest_postgres

AROUND = Path(__file__).parent / "app.mjs"
PINNED = CLIENTS.parent / "tests" / "clients" / "node"


@pytest.fixture(scope="session")
def packages() -> NodePackages:
    try:
        return node_packages("clients", PINNED)
    except NotInstallableError as error:
        if os.environ.get("CI"):
            pytest.fail(str(error))
        pytest.skip(f"the real JavaScript client can't be run here: {error}")


def snippet(language: str, word: str) -> Block:
    """The only one with this word."""
    (found,) = (block for block in in_language(language) if word in block.text)
    return found


async def run_node(app: App, packages: NodePackages, folder: Path, user: UUID, text: str) -> Any:
    (folder / "node_modules").symlink_to(packages.modules)
    shutil.copy(CLIENTS / "meshqueue.js", folder)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "snippet.mjs").write_text(AROUND.read_text() + text)
    image = base64.b64encode(PNG).decode()
    order = {"url": app.front.url, "key": token("anon"), "session": session_of(user)}
    process = await asyncio.create_subprocess_exec(
        *("node", folder / "snippet.mjs", json.dumps({**order, "image": image})),
        stdout=asyncio.subprocess.PIPE,
    )
    said, _ = await process.communicate()
    assert process.returncode == 0
    return json.loads(said)


async def test_the_readmes_javascript(app: App, packages: NodePackages, tmp_path: Path) -> None:
    """From an image to the bytes of a GLB, with progress on the way."""
    user = rich_user(app.house.db, 100)
    told = "\ntell({ status: job.status, bytes: bytes.length, shown: shown.length })"
    text = snippet("js", "generateModel").text + told
    async with app.house.working():
        said = await run_node(app, packages, tmp_path, user, text)
    assert said["status"] == "SUCCEEDED"
    assert min(said["bytes"], said["shown"]) > 0


async def test_the_apis_javascript(app: App, packages: NodePackages, tmp_path: Path) -> None:
    """By hand: a job by RPC, canceled at once, and another by insert."""
    user = rich_user(app.house.db, 100)
    texts = [snippet("js", word).text for word in ("rpc('create_ai_job'", "insert({")]
    await run_node(app, packages, tmp_path, user, "\n".join([*texts, "tell({ error })"]))
    query = "select status::text from public.ai_jobs where user_id = %s order by created_at"
    assert app.house.db.admin.values(query, user) == ["CANCELED", "QUEUED"]


async def test_the_readmes_python(
    app: App, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same in Python: the snippet, with the app's own client around it."""
    monkeypatch.setitem(sys.modules, "meshqueue", client_file())
    monkeypatch.chdir(tmp_path)
    (tmp_path / "front.png").write_bytes(PNG)
    text = snippet("python", "generate_model").text
    code = compile(text, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    user = rich_user(app.house.db, 100)
    async with app.client(user) as client, app.house.working():
        names: dict[str, Any] = {"supabase": client}
        running = eval(code, names)  # noqa: S307 - our own README
        assert inspect.iscoroutine(running)
        await running
    assert names["job"]["status"] == "SUCCEEDED"
    assert names["data"][:4] == b"glTF"
