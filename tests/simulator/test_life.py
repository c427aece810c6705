import asyncio
import threading

import httpx
import pytest

from tests.simulator.asking import TEXT_TO_3D, create, look
from tests.simulator.conftest import client
from worker.simulator import Fault, Rule, Simulator, SimulatorError


async def test_it_runs_beside_an_event_loop() -> None:
    """`async with` starts it in a thread of its own: a synchronous client is answered too."""
    async with Simulator(speed=0) as simulator:
        with client(simulator.meshy.url, simulator.meshy.key) as meshy:
            assert await asyncio.to_thread(create, meshy)
            assert create(meshy)
        assert len(simulator.book("meshy").tasks) == 2


def test_two_run_at_once() -> None:
    """Each has its own port, account and clock."""
    with Simulator(speed=0) as one, Simulator(speed=0) as other:
        with client(one.meshy.url, one.meshy.key) as meshy:
            create(meshy)
        one.clock.advance(1_000)
        assert [len(simulator.book("meshy").tasks) for simulator in (one, other)] == [1, 0]


def test_its_keys_are_the_seeds() -> None:
    """The same seed gives the same keys, so that a client keeps its settings over a restart."""
    keys = [(s.meshy.key, s.tripo.key) for s in (Simulator(1), Simulator(1), Simulator(2))]
    assert keys[0] == keys[1] != keys[2]
    assert keys[0][0].startswith("msy_")
    assert keys[0][1].startswith("tsk_")


def test_its_ids_are_new_each_time() -> None:
    """Ids that a client has stored do not come again when the simulator is started anew."""

    def first_task() -> str:
        with Simulator(speed=0) as simulator, client(*tripo(simulator)) as http:
            body = {"prompt": "x", "model": "v3.0-20250812"}
            answer = http.post("/v3/generation/text-to-model", json=body)
            return str(answer.json()["data"]["task_id"])

    def tripo(simulator: Simulator) -> tuple[str, str]:
        return simulator.tripo.url, simulator.tripo.key

    assert first_task() != first_task()


def test_the_same_seed_draws_the_same_fates() -> None:
    """Waits and durations are the seed's, so that a run can be played again."""

    def seconds() -> list[float]:
        with Simulator(seed=5, speed=0) as simulator:
            with client(simulator.meshy.url, simulator.meshy.key) as meshy:
                tasks = [create(meshy) for _ in range(3)]
                simulator.clock.advance(1_000)
                found = [look(meshy, task) for task in tasks]
            return [task["finished_at"] - task["created_at"] for task in found]

    assert seconds() == pytest.approx(seconds(), abs=1)


@pytest.mark.parametrize("fault", [Fault.NO_ANSWER, Fault.STREAM_HANGS])
def test_it_stops_with_requests_open(fault: Fault) -> None:
    """Stopping ends every connection at once, also those that were to hang for ever."""
    begun = threading.Event()

    def hang(simulator: Simulator, task: str) -> None:
        with client(simulator.meshy.url, simulator.meshy.key) as meshy:
            begun.set()
            with pytest.raises(httpx.TransportError):
                meshy.get(f"{TEXT_TO_3D}/{task}/stream")

    with Simulator(speed=0) as simulator:
        with client(simulator.meshy.url, simulator.meshy.key) as meshy:
            task = create(meshy)
        simulator.script(Rule(fault, operation="stream"))
        hanging = threading.Thread(target=hang, args=(simulator, task))
        hanging.start()
        begun.wait(5)
        while not simulator.book("meshy").open_connections:
            pass
    hanging.join(5)
    assert not hanging.is_alive()


def test_its_book_can_be_read_afterwards() -> None:
    """What happened stays known after the simulator has stopped."""
    with Simulator(speed=0) as simulator, client(simulator.meshy.url, simulator.meshy.key) as meshy:
        create(meshy)
    book = simulator.book("meshy")
    assert (len(book.tasks), book.credits_spent, book.open_connections) == (1, 20, 0)


def test_a_taken_port_is_told() -> None:
    """Who asks for a port that something else has is told what to do."""
    with Simulator(speed=0) as one:
        port = httpx.URL(one.meshy.url).port
        assert port is not None
        with (
            pytest.raises(SimulatorError, match=f"Can't listen on port {port}"),
            Simulator(speed=0, port=port),
        ):
            pass


def test_an_unknown_provider_is_told(simulator: Simulator) -> None:
    """There are two books."""
    with pytest.raises(SimulatorError, match="only meshy and tripo"):
        simulator.book("blender")
