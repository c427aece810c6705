"""Which request of a stage comes next. One makes one file: each further format is a convert."""

from collections.abc import Iterable, Mapping, Sequence

from worker.providers.call import Answer, Call, File, Talk
from worker.providers.failure import Failure, Kind
from worker.providers.fields import entries, text
from worker.providers.order import Angle, Order, Picture, Stage, Task
from worker.providers.outcome import Complete, Output, Ready
from worker.providers.protocol import Done
from worker.providers.redaction import clean_failure
from worker.providers.tripo.failures import failure_of
from worker.providers.tripo.requests import FORMATS, Models, convert, first_step, rig, slots_of

MAKE_THE_GLB = frozenset({"preview", "generate", "refine", "convert-glb", "rig"})


def prepare(order: Order, done: Sequence[Done], models: Models) -> Talk[Ready | Complete | Failure]:
    if done:
        return _after(order, done, models)
    tokens = yield from _uploaded(order)
    if isinstance(tokens, Failure):
        return tokens
    step = first_step(order, models, tokens)
    if step is None:
        return clean_failure(
            Kind.INVALID_REQUEST, f"TRIPO can't do {order.stage} with what this order has"
        )
    return Ready(step)


def _after(order: Order, done: Sequence[Done], models: Models) -> Ready | Complete:
    named = {each.step: each for each in done}
    if order.stage is Stage.RIG and "rig" not in named:
        facts = named["rig-check"].result.output.facts if "rig-check" in named else {}
        if facts.get("riggable") is not False and order.source:
            return Ready(rig(order.source, models, facts))
    if unconverted := _unconverted(order, done):
        return Ready(convert(order, _source_of_formats(order, done), unconverted[0]))
    return Complete(_together(done))


def formats_left(order: Order, done: Sequence[Done]) -> tuple[str, ...]:
    if MAKE_THE_GLB.isdisjoint(each.step for each in done):
        return ()
    return _unconverted(order, done)


def _unconverted(order: Order, done: Sequence[Done]) -> tuple[str, ...]:
    named = {each.step for each in done}
    return tuple(f for f in order.formats if f in FORMATS and f"convert-{f}" not in named)


def _source_of_formats(order: Order, done: Sequence[Done]) -> Task:
    """After a REMESH its own source: nobody says whether what was converted can be again.

    What could not be rigged is converted as it is.
    """
    unrigged = order.stage is Stage.RIG and all(each.step != "rig" for each in done)
    if order.source and (order.stage is Stage.REMESH or unrigged):
        return order.source
    models = [each.task for each in done if not each.step.startswith("convert-")]
    return models[-1] if models else done[0].task


def _together(done: Sequence[Done]) -> Output:
    links = {
        (link.role, link.format if link.role == "model" else ""): link
        for each in reversed(done)  # what came first wins
        for link in each.result.output.links
    }
    facts = {name: fact for each in done for name, fact in each.result.output.facts.items()}
    return Output(tuple(reversed(links.values())), facts)


def _uploaded(order: Order) -> Talk[Mapping[Angle, str] | Failure]:
    if order.stage is not Stage.GENERATE:
        return {}
    tokens: dict[Angle, str] = {}
    for angle, picture in _in_turn(slots_of(order.pictures)):
        token = yield from _upload(angle, picture)
        if isinstance(token, Failure):
            return token
        tokens[angle] = token
    return tokens


def _in_turn(slots: Mapping[Angle, Picture]) -> Iterable[tuple[Angle, Picture]]:
    return slots.items() if "front" in slots else ()


def _upload(angle: Angle, picture: Picture) -> Talk[str | Failure]:
    ending = "png" if picture.content_type == "image/png" else "jpg"
    file = File(f"{angle}.{ending}", picture.content_type, picture.data)
    reply = yield Call("POST", "/v3/files", file=file, pace="upload")
    if not isinstance(reply, Answer) or not reply.succeeded:
        return failure_of(reply)
    data = entries(entries(reply.json()).get("data"))
    token = text(data.get("file_token")) or text(data.get("image_token"))
    return token or clean_failure(Kind.UNAVAILABLE, "the answer to an upload can't be read")
