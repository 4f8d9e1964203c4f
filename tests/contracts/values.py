"""Values for every field there is: one of each by hand, and any by hypothesis."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from redshank.engine.effects import Alarm, Cancel, Effect, Emission, Mail, Membership
from redshank.engine.inputs import Event
from redshank.engine.state import Anchor, Block, Hopeful, Journey, Outgoing, Pending, Profile, Standing

T0 = 1_796_000_000_000


def mail(message_id: str = "m1", **more: Any) -> Mail:
    return Mail(
        **{
            "message_id": message_id,
            "contact_id": "ann",
            "workflow": "activation",
            "run": "run-1",
            "step": "welcome",
            "template": "welcome",
            "topic": "tips",
            "transactional": False,
            "decided_at": T0,
            **more,
        }
    )


def full_mail() -> Mail:
    return mail(
        transactional=True,
        release=2,
        not_after=T0 + 9,
        event={"cart": [1, {"price": 2.5}], "name": "Zoë"},
        sender="billing",
        subject="Hello",
        variant="direct",
        measures={"usage": 12.5, "top_feature": "export", "plan_usage": None},
    )


def full_standing(contact_id: str = "ann", **more: Any) -> Standing:
    """A standing of which every field says something."""
    journey = Journey(
        run="run-1",
        workflow="activation",
        key="cart-7",
        entered_at=T0,
        at="welcome",
        since=T0 + 1,
        until=T0 + 2,
        sent={"welcome": T0 + 3},
        opened={"welcome": T0 + 4},
        clicked={"welcome": T0 + 5},
        releases={"welcome": (2, T0 + 6)},
        event={"cart": "cart-7", "lines": [{"sku": "a", "count": 2}]},
        opened_by_machine={"welcome": T0 + 4},
        clicked_by_machine={"welcome": T0 + 5},
        links={"welcome": ["https://acme.example/pricing"]},
        links_by_machine={"welcome": ["https://acme.example/blog"]},
        passed={"intro": T0},
        arms={"welcome": "direct"},
        held_out=True,
        reached=True,
    )
    effects: tuple[Effect, ...] = (
        full_mail(),
        Cancel(message_id="m0", reason="goal"),
        Membership(segment="active", member=True),
        Emission(
            id="x1",
            name="trial.rescued",
            contact_id="ann",
            workflow="activation",
            step="tell",
            at=T0,
            detail={"plan": "pro"},
        ),
        Alarm(what="runaway", contact_id="ann", workflow="activation", step="welcome"),
    )
    fields: dict[str, Any] = {
        "version": 1,
        "profile_version": 4,
        "as_of": T0,
        "book": 3,
        "merged_into": "bob",
        "erased_at": T0 + 7,
        "identified": True,
        "pending": {"e1": Pending(stream="user:7", effects=effects), "e2": Pending(stream="anon:x")},
        "outbox": {"m1": Outgoing(cause="e1", run="run-1", step="welcome")},
        "journeys": {"run-1": journey},
        "entries": {"activation#cart-7": T0},
        "measures": {"activated": [[T0, 3]], "spent": [[T0, 1.5, "cart-7"]], "top": [[T0, [["a", 2]]]]},
        "confirmed": {"plan": T0},
        "truths": {"upgrade#0": (True, None), "segment:active": (False, T0 + 8)},
        "streams": ["user:7", "anon:x"],
        "anchors": {"cart#cart-7": Anchor(at=T0, disarmed=T0 + 1, event={"cart": "cart-7"})},
        "hopefuls": [Hopeful(workflow="activation", trigger=1, at=T0, until=T0 + 9, event={"plan": "pro"})],
        "recent": [T0, T0 + 1],
        "due": T0 + 2,
        "indexed": T0 + 2,
    }
    return Standing(contact_id=contact_id, **(fields | more))


def full_profile(contact_id: str = "ann", **more: Any) -> Profile:
    """A profile of which every field says something."""
    fields: dict[str, Any] = {
        "version": 1,
        "traits": {"email": "ann@example.com", "tags": ["a", "b"], "age": 30, "score": 0.1, "name": "Zoë"},
        "written": {"email": T0, "tags": T0 + 1},
        "consent": {"tips": (False, T0), "*": (True, T0 + 1)},
        "block": Block(address_hash="h", reason="complaint", at=T0),
        "created_at": T0 - 1,
        "account_id": "initech",
        "account": {"plan": "pro", "seats": [1, 2.5]},
        "suppressed": ("unengaged", T0),
    }
    return Profile(contact_id=contact_id, **(fields | more))


def full_event() -> Event:
    return Event(
        id="e1",
        stream="user:7",
        type="track",
        name="signed_up",
        occurred_at=T0,
        received_at=T0 + 1,
        properties={"plan": "pro", "lines": [1, 2.5, None, True]},
        traits={"email": "ann@example.com"},
        historical=True,
    )


# --- by hypothesis

# As ingest lets them through: no half surrogates, 64-bit numbers, keys that are text.
_texts = st.text(st.characters(codec="utf-8"), max_size=8)
_numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
_json = st.recursive(
    st.none() | st.booleans() | _numbers | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=6,
)
_objects = st.dictionaries(_texts, _json, max_size=3)
_instants = st.integers(0, 2**43)
_maybe = st.none() | _instants
_by_step = st.dictionaries(_texts, _instants, max_size=2)

_mails = st.builds(
    Mail,
    **dict.fromkeys(("message_id", "contact_id", "workflow", "run", "step", "template", "topic"), _texts),
    transactional=st.booleans(),
    decided_at=_instants,
    release=st.integers(0, 9),
    not_after=_maybe,
    event=_objects,
    sender=_texts,
    subject=_texts,
    variant=_texts,
    measures=_objects,
)
_effects = (
    _mails
    | st.builds(Cancel, message_id=_texts, reason=_texts)
    | st.builds(Membership, segment=_texts, member=st.booleans())
    | st.builds(
        Emission,
        **dict.fromkeys(("id", "name", "contact_id", "workflow", "step"), _texts),
        at=_instants,
        detail=_objects,
    )
    | st.builds(Alarm, **dict.fromkeys(("what", "contact_id", "workflow", "step"), _texts))
)
_journeys = st.builds(
    Journey,
    **dict.fromkeys(("run", "workflow", "key", "at"), _texts),
    entered_at=_instants,
    since=_instants,
    until=_maybe,
    sent=_by_step,
    opened=_by_step,
    clicked=_by_step,
    releases=st.dictionaries(_texts, st.tuples(st.integers(0, 99), _instants), max_size=2),
    event=_objects,
    opened_by_machine=_by_step,
    clicked_by_machine=_by_step,
    links=st.dictionaries(_texts, st.lists(_texts, max_size=2), max_size=2),
    links_by_machine=st.dictionaries(_texts, st.lists(_texts, max_size=2), max_size=2),
    passed=_by_step,
    arms=st.dictionaries(_texts, _texts, max_size=2),
    held_out=st.booleans(),
    reached=st.booleans(),
)

#: As a standing keeps them: an instant, what came then, and perhaps a tag.
_samples = st.builds(lambda *row: list(row), _instants, _json) | st.builds(
    lambda *row: list(row), _instants, _json, _texts
)

#: Any standing but for its key and version.
standings = st.builds(
    Standing,
    contact_id=st.just("ann"),
    version=st.just(1),
    profile_version=st.integers(0, 2**31),
    as_of=_instants,
    book=st.integers(0, 2**31),
    merged_into=st.none() | st.just("bob"),
    erased_at=_maybe,
    identified=st.booleans(),
    pending=st.dictionaries(
        _texts,
        st.builds(Pending, stream=_texts, effects=st.lists(_effects, max_size=2).map(tuple)),
        max_size=2,
    ),
    outbox=st.dictionaries(_texts, st.builds(Outgoing, cause=_texts, run=_texts, step=_texts), max_size=2),
    journeys=st.lists(_journeys, max_size=2).map(lambda some: {journey.run: journey for journey in some}),
    entries=_by_step,
    measures=st.dictionaries(_texts, st.lists(_samples, max_size=3), max_size=2),
    streams=st.lists(_texts, max_size=2),
    anchors=st.dictionaries(
        _texts, st.builds(Anchor, at=_maybe, disarmed=_maybe, event=_objects), max_size=2
    ),
    hopefuls=st.lists(
        st.builds(
            Hopeful,
            workflow=_texts,
            trigger=st.integers(0, 9),
            at=_instants,
            until=_instants,
            event=_objects,
        ),
        max_size=2,
    ),
    recent=st.lists(_instants, max_size=3),
    confirmed=_by_step,
    truths=st.dictionaries(_texts, st.tuples(st.booleans(), _maybe), max_size=3),
    due=_maybe,
    indexed=_maybe,
)

#: Any profile but for its key and version.
profiles = st.builds(
    Profile,
    contact_id=st.just("ann"),
    version=st.just(1),
    traits=_objects,
    written=_by_step,
    consent=st.dictionaries(_texts, st.tuples(st.booleans(), _instants), max_size=2),
    block=st.none() | st.builds(Block, address_hash=_texts, reason=_texts, at=_instants),
    created_at=_instants,
    account_id=_texts,
    account=_objects,
    suppressed=st.none() | st.tuples(_texts, _instants),
)

events = st.builds(
    Event,
    **dict.fromkeys(("id", "stream", "type", "name"), _texts),
    occurred_at=_instants,
    received_at=_instants,
    properties=_objects,
    traits=_objects,
    historical=st.booleans(),
)
