"""How do messages look on the queues?

The events queue carries *packs*: ``{"v": 1, "inputs": [...]}``, one or many inputs. The send queues carry one email a
message. Both are JSON; unknown fields are refused, so that a half-deployed stack fails loudly and the
message waits in the queue instead of losing a field.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from redshank.engine.effects import Mail
from redshank.engine.inputs import Event, Input, Visit, Wake
from redshank.errors import BadInput

#: SQS bills a request per 64 KB; a pack stays below that.
PACK_BYTES = 60_000


def _event(event: Event) -> dict[str, Any]:
    plain: dict[str, Any] = {
        "id": event.id,
        "stream": event.stream,
        "type": event.type,
        "name": event.name,
        "occurred_at": event.occurred_at,
        "received_at": event.received_at,
    }
    if event.properties:
        plain["properties"] = event.properties
    if event.traits:
        plain["traits"] = event.traits
    if event.historical:
        plain["historical"] = True
    return plain


def dump_input(given: Input) -> str:
    """One input as JSON."""
    return json.dumps(_plain(given), separators=(",", ":"), ensure_ascii=False)


def _plain(given: Input) -> dict[str, Any]:
    if isinstance(given, Event):
        return _event(given)
    if isinstance(given, Wake):
        return {"wake": given.contact_id, "at": given.at}
    return {"visit": given.contact_id, "book": given.book}


def pack(inputs: Iterable[Input], limit: int = PACK_BYTES) -> Iterator[str]:
    """Bodies for the events queue, each with as many inputs, in order, as fit into ``limit`` bytes."""
    held: list[str] = []
    size = 0
    for one in inputs:
        text = dump_input(one)
        length = len(text.encode()) + 1
        if held and size + length > limit:
            yield _packed(held)
            held, size = [], 0
        held.append(text)
        size += length
    if held:
        yield _packed(held)


def _packed(texts: Iterable[str]) -> str:
    return f'{{"v":1,"inputs":[{",".join(texts)}]}}'


def unpack(body: str) -> list[Input]:
    """The inputs of a pack; raises BadInput if it is none."""
    try:
        document = json.loads(body)
    except ValueError as error:
        raise BadInput(f"not JSON: {error}", field="body") from None
    if (
        not isinstance(document, dict)
        or document.get("v") != 1
        or not isinstance(document.get("inputs"), list)
    ):
        raise BadInput("not a pack of inputs of version 1", field="body")
    return [_input(plain, f"inputs[{index}]") for index, plain in enumerate(document["inputs"])]


def _input(plain: Any, field: str) -> Input:
    if not isinstance(plain, Mapping):
        raise BadInput("not an object", field=field)
    try:
        if "wake" in plain:
            return Wake(contact_id=plain["wake"], at=plain["at"])
        if "visit" in plain:
            return Visit(contact_id=plain["visit"], book=plain["book"])
        return Event(**plain)
    except (KeyError, TypeError) as error:
        raise BadInput(f"not an input: {error}", field=field) from None


def dump_mail(mail: Mail) -> str:
    """A decided email as JSON."""
    plain = {name: getattr(mail, name) for name in Mail.__slots__}
    return json.dumps(
        {name: value for name, value in plain.items() if value not in (None, "", {})},
        separators=(",", ":"),
        ensure_ascii=False,
    )


def load_mail(body: str) -> Mail:
    """The email of ``dump_mail``; raises BadInput if it is none."""
    try:
        return Mail(**json.loads(body))
    except (ValueError, TypeError) as error:
        raise BadInput(f"not an email: {error}", field="body") from None
