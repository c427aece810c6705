"""Who sees what of a delivered model: rows and objects, by SQL and by the real client."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import jwt
import pytest
from postgrest.exceptions import APIError
from storage3.exceptions import StorageApiError
from supabase import Client, ClientOptions, create_client

from tests.delivery.conftest import SPEED
from tests.delivery.house import House
from tests.support import jobs
from tests.support.daemon import until
from tests.support.database import Database, fresh_database
from tests.support.gateway import gateway
from tests.support.jobs import Row, rich_user
from tests.support.postgrest import run_postgrest
from tests.support.project import token, user_token
from tests.support.refusals import refused
from tests.support.servers import Postgres
from tests.support.storage_server import storage_server
from worker.simulator import Simulator

pytestmark = pytest.mark.newest_postgres

LAMP: Row = {"prompt": "a lamp", "refine": False}
TABLES = ("ai_jobs", "assets", "asset_files", "ai_job_events", "credit_ledger", "credit_accounts")
ANONYMOUS = {"assets", "asset_files"}  # the only tables that anon may ask for
STRANGERS = ("another user", "anon", "guessed secret key", "token of a guessed secret")
TIMEOUT = 30


@dataclass(frozen=True)
class Visitor:
    """One key; a hosted project has both behind one address."""

    rest: Client
    storage: Client

    def rows(self, table: str) -> list[Any]:
        return granted(lambda: self.rest.table(table).select("*").execute().data)

    def files(self, asset_id: str) -> list[Any]:
        return granted(
            lambda: self.rest.rpc("get_asset_files", {"asset_id": asset_id}).execute().data
        )


@dataclass(frozen=True)
class Shop:
    house: House
    rest_url: str
    http: httpx.Client
    owner: UUID
    private: Row
    public: Row

    @property
    def db(self) -> Database:
        return self.house.db

    def visitor(self, key: str) -> Visitor:
        options = ClientOptions(httpx_client=self.http)
        urls = (self.rest_url, self.house.storage.url)
        return Visitor(*(create_client(url, key, options) for url in urls))

    def objects(self, job: Row, bucket: str) -> list[str]:
        """Their keys, as nobody but the owner should know them."""
        rows = self.house.files(job["id"])
        return [row["path"] for row in rows if bucket == "assets" or row["role"] != "original"]


@pytest.fixture(scope="module")
def shop(
    server: Postgres,
    template: str,
    postgrest_program: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Shop]:
    """A model of one user that is private, and one that is published."""
    with ExitStack() as stack:
        db = stack.enter_context(fresh_database(server, template))
        objects = tmp_path_factory.mktemp("objects")
        simulator = stack.enter_context(Simulator(seed=1, speed=SPEED, texture_size=32))
        storage = stack.enter_context(storage_server(db, objects))
        rest = stack.enter_context(run_postgrest(postgrest_program, db.url("authenticator")))
        front = stack.enter_context(gateway(rest.url))
        http = stack.enter_context(httpx.Client(timeout=TIMEOUT))
        house = House(db, simulator, storage, objects)
        owner = rich_user(db)
        private, public = asyncio.run(two_models(house, owner))
        yield Shop(house, front.url, http, owner, private, public)


async def two_models(house: House, owner: UUID) -> list[Row]:
    requests = [LAMP, {**LAMP, "public": True}]
    made = [jobs.create(house.db, owner, request) for request in requests]
    async with house.working():
        await until(lambda: all(jobs.job(house.db, j["id"])["result_payload"] for j in made))
        public = jobs.job(house.db, made[1]["id"])
        await until(lambda: house.asset(public["asset_id"])["is_public"], "the publication")
    return [jobs.job(house.db, job["id"]) for job in made]


@pytest.fixture(params=STRANGERS)
def stranger(request: pytest.FixtureRequest, shop: Shop) -> Visitor:
    keys: dict[str, str] = {
        "another user": user_token(shop.db.new_user()),
        "anon": token("anon"),
        "guessed secret key": "sb_secret_guessed",
        "token of a guessed secret": jwt.encode(
            {"role": "service_role"}, "a secret that somebody guessed for it", algorithm="HS256"
        ),
    }
    return shop.visitor(keys[request.param])


def test_its_owner_sees_all(shop: Shop) -> None:
    """Rows of the own files lead to objects that the own token opens; so does the asset's URL."""
    own = shop.visitor(user_token(shop.owner))
    files = own.files(str(shop.private["asset_id"]))
    assert {(file["role"], file["format"]) for file in files} >= {("model", "glb")}
    for file in files:
        data = own.storage.storage.from_(file["bucket"]).download(file["path"])
        assert len(data) == file["bytes"]
    url = shop.house.asset(shop.private["asset_id"])["mesh_url"]
    assert opened(shop, url, user_token(shop.owner))


def test_its_owner_opens_no_model_before_it_is_paid_for(shop: Shop) -> None:
    """An object without a row is on its way, and the job may still be canceled for a refund."""
    folder = f"{shop.owner}/models/{uuid4()}"
    key = f"{folder}/model.glb"
    ours = shop.visitor(token("service_role")).storage.storage.from_("assets")
    ours.upload(key, b"a model")
    assert ours.download(key) == b"a model"
    own = shop.visitor(user_token(shop.owner)).storage.storage.from_("assets")
    assert own.list(folder) == []
    with pytest.raises(StorageApiError):
        own.download(key)
    with pytest.raises(StorageApiError):
        own.create_signed_url(key, 60)


@pytest.mark.parametrize("role", ["another user", "anon"])
def test_sql_shows_strangers_nothing(shop: Shop, role: str) -> None:
    """Neither rows nor files of the private one; of the public one the copies alone."""
    as_anon = role == "anon"
    for table in ANONYMOUS if as_anon else TABLES:
        with shop.db.anon() if as_anon else shop.db.user(uuid4()) as session:
            rows = session.rows(f"select * from public.{table}")
        assert_only_published(shop, table, rows)
    with shop.db.anon() if as_anon else shop.db.user(uuid4()) as session:
        query = "select * from public.get_asset_files(%s)"
        assert session.rows(query, shop.private["asset_id"]) == []
        assert_only_published(shop, "asset_files", session.rows(query, shop.public["asset_id"]))


@pytest.mark.parametrize("table", sorted(set(TABLES) - ANONYMOUS))
def test_sql_refuses_anon(shop: Shop, table: str) -> None:
    """What only a signed-in user can own, nobody else may even ask for."""
    with refused("42501"), shop.db.anon() as session:
        session.rows(f"select * from public.{table}")


def test_the_client_shows_strangers_nothing(shop: Shop, stranger: Visitor) -> None:
    """The same over PostgREST, without a filter and by the asset's id."""
    for table in TABLES:
        assert_only_published(shop, table, stranger.rows(table))
    assert stranger.files(str(shop.private["asset_id"])) == []
    assert_only_published(shop, "asset_files", stranger.files(str(shop.public["asset_id"])))


@pytest.mark.parametrize("name", ["private", "public"])
def test_strangers_open_no_original_object(shop: Shop, stranger: Visitor, name: str) -> None:
    """Whoever knows every key of the private bucket neither reads, signs, copies nor lists."""
    there = stranger.storage.storage.from_("assets")
    keys = shop.objects(getattr(shop, name), "assets")
    assert len(keys) >= 3
    for key in keys:
        for ask in (there.download, there.info, lambda k: there.create_signed_url(k, 60)):
            with denied():
                ask(key)
        with denied():
            there.copy(key, f"{shop.owner}/stolen.glb")
        assert not opened(shop, there.get_public_url(key))
        folder = key.rpartition("/")[0]
        assert listed(there, folder) == listed(there, str(shop.owner)) == []


def test_an_url_alone_opens_nothing_private(shop: Shop) -> None:
    """`mesh_url` of a private asset asks for its owner's token."""
    url = shop.house.asset(shop.private["asset_id"])["mesh_url"]
    assert not opened(shop, url)
    assert not opened(shop, url, token("anon"))
    assert not opened(shop, url, user_token(uuid4()))


def test_everybody_opens_a_published_model(shop: Shop) -> None:
    """The public URL needs nothing; what came before the optimiser is not among the copies."""
    asset = shop.house.asset(shop.public["asset_id"])
    assert opened(shop, asset["mesh_url"])
    assert opened(shop, asset["thumbnail_url"])
    copies = set(shop.house.objects("templates"))
    assert copies == set(shop.objects(shop.public, "templates"))


def test_listing_the_public_bucket_shows_nothing(shop: Shop, stranger: Visitor) -> None:
    """Public means by address: nobody learns whose models there are."""
    there = stranger.storage.storage.from_("templates")
    for folder in ("", str(shop.owner)):
        assert listed(there, folder) == []


@pytest.mark.parametrize("name", ["publish_template", "unpublish_template", "delete_asset"])
def test_another_may_not_decide(shop: Shop, stranger: Visitor, name: str) -> None:
    """Nobody but its owner publishes, takes back or deletes; they are told that there is none."""
    asset_id = shop.private["asset_id"]
    with pytest.raises(APIError):
        stranger.rest.rpc(name, {"asset_id": str(asset_id)}).execute()
    with refused("PT404"), shop.db.user(shop.db.new_user()) as session:
        session.execute(f"select * from public.{name}(%s)", asset_id)
    query = "select count(*) from meshqueue.publications where asset_id = %s"
    assert shop.db.admin.value(query, asset_id) == 0


async def test_nothing_is_left_after_taking_it_back(shop: Shop) -> None:
    """Unpublished: the public address is dead, no stranger finds a row, the owner has it still."""
    house, owner = shop.house, shop.owner
    job = jobs.create(house.db, owner, {**LAMP, "public": True})
    async with house.working() as daemon:
        await until(lambda: is_shown(house, job, public=True), "the publication")
        was = house.asset(job["asset_id"])
        assert opened(shop, was["mesh_url"])
        with house.db.user(owner) as session:
            session.execute("select * from public.unpublish_template(%s)", job["asset_id"])
        await until(lambda: is_shown(house, job, public=False), "its end")
        await house.remove_all(daemon)
    for url in (was["mesh_url"], was["thumbnail_url"]):
        assert not opened(shop, url)
    for key in (user_token(uuid4()), token("anon")):
        assert shop.visitor(key).files(str(job["asset_id"])) == []
        assert str(job["asset_id"]) not in str(shop.visitor(key).rows("assets"))
    now = house.asset(job["asset_id"])["mesh_url"]
    assert opened(shop, now, user_token(owner))
    assert not opened(shop, now)


def is_shown(house: House, job: Row, *, public: bool) -> bool:
    row = jobs.job(house.db, job["id"])
    return bool(row["result_payload"]) and house.asset(row["asset_id"])["is_public"] is public


def assert_only_published(shop: Shop, table: str, rows: list[Any]) -> None:
    assert str(shop.private["asset_id"]) not in str(rows)
    assert str(shop.private["id"]) not in str(rows)
    public = str(shop.public["asset_id"])
    match table:
        case "assets":
            assert {str(row["id"]) for row in rows} <= {public}
        case "asset_files":
            assert {row["bucket"] for row in rows} <= {"templates"}
            assert {str(row["asset_id"]) for row in rows} <= {public}
            assert {row["role"] for row in rows} <= {"model", "thumbnail"}
        case _:
            assert str(shop.owner) not in str(rows)


def opened(shop: Shop, url: str, key: str = "") -> bool:
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return shop.http.get(url, headers=headers).is_success


def granted(ask: Callable[[], Any]) -> list[Any]:
    """A key that is none is refused, a weak one sees nothing."""
    try:
        rows: list[Any] = ask()
    except APIError as error:
        if error.code != "42501" and not str(error.code).startswith("PGRST3"):
            raise
        return []
    return rows


def listed(bucket: Any, folder: str) -> list[Any]:
    try:
        names: list[Any] = bucket.list(folder)
    except StorageApiError as error:
        if str(error.status) != "403":
            raise
        return []
    return names


def denied() -> "pytest.RaisesExc[StorageApiError]":
    return pytest.RaisesExc(
        StorageApiError, check=lambda error: str(error.status) in ("400", "403", "404")
    )
