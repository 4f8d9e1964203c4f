"""What does a book declare that the app sends, and is what it asks held against that?"""

from __future__ import annotations

from pathlib import Path

import pytest

from redshank.engine.book import Kind, Schema
from redshank.engine.serial import dump, load
from tests.unit.definitions.writing import compiled, errors

#: The block of the language's definition, word for word.
SCHEMA = """\
on_mismatch: warn                                # warn | reject
traits: {plan: {one_of: [trial, pro]}, trial_ends_at: time, tags: [text]}
events: {cart_updated: {cart_id: text, total: number}}
"""

WIDE = """\
traits:
  plan: {one_of: [trial, pro]}
  level: {one_of: [1, 2]}
  name: text
  size: number
  paying: bool
  trial_ends_at: time
  tags: [text]
  roles: [{one_of: [admin, member]}]
  billing.city: text
events:
  cart_updated: {cart_id: text, total: number, note: text, paid: bool, due: time}
  order_placed: {cart_id: text, total: number, channel: {one_of: [web, shop]}}
  signed_up:
"""


def _schema(root: Path, text: str) -> Schema | None:
    return compiled(
        root, {"workflows/activation.yaml": None, "segments.yaml": None, "schema.yaml": text}
    ).schema


def _errors(root: Path, condition: str, schema: str = WIDE, **others: str) -> list[str]:
    files = {
        "workflows/activation.yaml": None,
        "schema.yaml": schema,
        "segments.yaml": f"x: {condition}\n",
        **{f"{name}.yaml": text for name, text in others.items()},
    }
    return errors(root, files)


def test_the_schema_of_the_definition_compiles(tmp_path: Path) -> None:
    assert _schema(tmp_path, SCHEMA) == Schema(
        rejects=False,
        traits={
            "plan": Kind(type="one_of", options=("trial", "pro")),
            "trial_ends_at": Kind(type="time"),
            "tags": Kind(type="text", many=True),
        },
        events={"cart_updated": {"cart_id": Kind(type="text"), "total": Kind(type="number")}},
    )


def test_a_book_that_declares_nothing_has_no_schema(tmp_path: Path) -> None:
    assert compiled(tmp_path, {"workflows/activation.yaml": None}).schema is None


def test_what_does_not_match_can_be_refused(tmp_path: Path) -> None:
    schema = _schema(tmp_path, "on_mismatch: reject\nevents: {signed_up: }\n")
    assert schema == Schema(rejects=True, events={"signed_up": {}})


def test_a_list_may_be_of_a_few_values(tmp_path: Path) -> None:
    schema = _schema(tmp_path, "traits: {roles: [{one_of: [admin, 7]}], flags: [bool]}\n")
    assert schema is not None
    assert schema.traits == {
        "roles": Kind(type="one_of", options=("admin", 7), many=True),
        "flags": Kind(type="bool", many=True),
    }


def test_a_book_with_a_schema_is_the_same_after_it_was_written_and_read(tmp_path: Path) -> None:
    files = {"workflows/activation.yaml": None, "segments.yaml": None, "schema.yaml": WIDE}
    book = compiled(tmp_path, files)
    assert load(dump(book)) == book


@pytest.mark.parametrize(
    ("schema", "message"),
    [
        ("on_mismatch: ignore", "1: `on_mismatch` should be `warn` or `reject`, not `ignore`"),
        ("trait: {a: text}", "1: unknown key `trait`; did you mean `traits`?"),
        ("traits: {a: string}", "1: `a` should be `text`, `number`, `bool` or `time`, not `string`"),
        ("traits:\n  a: texts", "2: `a` should be `text`, `number`, `bool` or `time`, not `texts`; did you mean "
         "`text`?"),
        ("traits: {a: }", "1: `a` should be a type such as `text`, `[text]` or `{one_of: [a, b]}`, not empty"),
        ("traits: {a: 7}", "1: `a` should be a type such as `text`, `[text]` or `{one_of: [a, b]}`, not the number "
         "`7`"),
        ("traits: {a: []}", "1: `a` should name one type that all items have, such as `[text]`"),
        ("traits: {a: [text, number]}", "1: `a` should name one type that all items have, such as `[text]`"),
        ("traits: {a: {one_of: []}}", "1: `one_of` should not be empty"),
        ("traits: {a: {one_of: [b, b]}}", "1: `one_of` should not name a value twice"),
        ("traits: {a: {one_of: [true]}}", "1: `one_of` should be text or numbers, not `true`"),
        ("traits: {a: {oneof: [b]}}", "1: unknown key `oneof`; did you mean `one_of`?"),
        ("events: {a: text}", "1: `a` should be a mapping, not `text`"),
        ("events: {a: {b: strng}}", "1: `b` should be `text`, `number`, `bool` or `time`, not `strng`"),
        ("events: {email_opened: {a: text}}", "1: `email_opened` is an event of Redshank itself, and is not declared"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_schema_is_told(tmp_path: Path, schema: str, message: str) -> None:
    found = errors(
        tmp_path, {"workflows/activation.yaml": None, "segments.yaml": None, "schema.yaml": f"{schema}\n"}
    )
    assert f"schema.yaml:{message}" in found


@pytest.mark.parametrize(
    "condition",
    [
        "{trait: plan, eq: pro}",
        "{trait: plan, one_of: [trial, pro]}",
        "{trait: plan, like: 'p*'}",
        "{trait: plan, exists: true}",
        "{trait: level, eq: 2}",
        "{trait: name, lt: m}",
        "{trait: size, gte: 20%}",
        "{trait: paying, eq: true}",
        "{trait: trial_ends_at, in_next: 3d}",
        "{trait: trial_ends_at, gt: '2026-01-01'}",
        "{trait: trial_ends_at, gt: 1700000000}",
        "{trait: tags, has: vip}",
        "{trait: roles, has: admin}",
        "{trait: billing.city, eq: Berlin}",
        "{trait: email, like: '*@acme.example'}",
        "{trait: firstName, exists: true}",
        "{trait: first_name, exists: true}",
        "{trait: timezone, eq: Europe/Berlin}",
        "{trait: address.city, eq: Berlin}",
        "{account: anything, eq: 1}",
        "{event: cart_updated, where: {property: total, gte: 5}}",
        "{event: [cart_updated, order_placed], where: {property: channel, eq: web}}",
        "{event: page_viewed, where: {property: anything, eq: 1}}",
        "{event: [page_viewed, cart_updated], where: {property: path, eq: /pricing}}",
        "{event: email_opened, within: 30d, gte: 5}",
        "{event: topic_requested}",
        "{event: cart_updated, sum: total, gte: 100}",
        "{event: cart_updated, max: due, in_next: 3d}",
        "{event: cart_updated, last: note, like: 'a*'}",
        "{event: cart_updated, distinct: note, gte: 2}",
        "{event: [cart_updated, order_placed], last: cart_id, eq: a}",
    ],
)
def test_what_fits_what_is_declared_is_asked(tmp_path: Path, condition: str) -> None:
    assert _errors(tmp_path, condition) == []


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("{event: signd_up}", "unknown event `signd_up`; did you mean `signed_up`?"),
        ("{event: [signed_up, cart_update]}", "unknown event `cart_update`; did you mean `cart_updated`?"),
        ("{trait: plann, eq: pro}", "unknown trait `plann`; did you mean `plan`?"),
        ("{trait: plann.x, eq: pro}", "unknown trait `plann`; did you mean `plan`?"),
        ("{trait: zzzz, eq: pro}", "unknown trait `zzzz`"),
        ("{event: cart_updated, where: {property: totl, eq: 1}}", "`cart_updated` has no property `totl`; did you mean "
         "`total`?"),
        ("{event: [cart_updated, order_placed], where: {property: x, eq: 1}}", "`cart_updated` and `order_placed` have "
         "no property `x`; there is `cart_id`, `channel`, `due`, `note`, `paid` and `total`"),
        ("{event: signed_up, where: {property: x, eq: 1}}", "`signed_up` has no property `x`"),
        ("{event: cart_updated, sum: totl, gte: 1}", "`cart_updated` has no property `totl`; did you mean `total`?"),
        ("{event: cart_updated, sum: note, gte: 1}", "`sum` is of numbers, and `note` is declared as something else"),
        ("{event: cart_updated, avg: due, gte: 1}", "`avg` is of numbers, and `due` is declared as something else"),
        ("{event: cart_updated, max: total, like: a}", "`total` is a number; it is compared with `eq`, `ne`, `one_of`, "
         "`lt`, `lte`, `gt`, `gte` or `exists`, not `like`"),
        ("{event: cart_updated, last: paid, gte: 1}", "`paid` is true or false; it is compared with `eq`, `ne`, "
         "`one_of` or `exists`, not `gte`"),
        ("{event: cart_updated, where: {property: total, eq: a}}", "`total` is a number, which `a` never is"),
        ("{trait: plan, eq: prod}", "`plan` is one of `trial` and `pro`, never `prod`; did you mean `pro`?"),
        ("{trait: plan, one_of: [pro, free]}", "`plan` is one of `trial` and `pro`, never `free`; there is `pro` and "
         "`trial`"),
        ("{trait: plan, eq: 7}", "`plan` is one of `trial` and `pro`, never the number `7`"),
        ("{trait: level, ne: 3}", "`level` is one of `1` and `2`, never the number `3`"),
        ("{trait: name, eq: 5}", "`name` is text, which the number `5` never is"),
        ("{trait: name, eq: true}", "`name` is text, which `true` never is"),
        ("{trait: name, in_next: 3d}", "`name` is text; it is compared with `eq`, `ne`, `one_of`, `lt`, `lte`, `gt`, "
         "`gte`, `has`, `like` or `exists`, not `in_next`"),
        ("{trait: size, eq: true}", "`size` is a number, which `true` never is"),
        ("{trait: paying, eq: 1}", "`paying` is true or false, which the number `1` never is"),
        ("{trait: trial_ends_at, like: '2026*'}", "`trial_ends_at` is a time; it is compared with `eq`, `ne`, "
         "`one_of`, `lt`, `lte`, `gt`, `gte`, `exists`, `in_next` or `in_last`, not `like`"),
        ("{trait: tags, eq: vip}", "`tags` is a list; it is compared with `has` or `exists`, not `eq`"),
        ("{trait: tags, has: 7}", "`tags` is a list of text, and never has the number `7`"),
        ("{trait: roles, has: admn}", "`roles` has items of `admin` and `member`, never `admn`; did you mean `admin`?"),
    ],
)  # fmt: skip
def test_what_cannot_fit_what_is_declared_is_refused(tmp_path: Path, condition: str, message: str) -> None:
    assert _errors(tmp_path, condition) == [f"segments.yaml:1: {message}"]


def test_where_only_traits_are_declared_events_are_not_checked(tmp_path: Path) -> None:
    condition = "[{event: anything, where: {property: x, eq: 1}}, {trait: plan, eq: pro}]"
    assert _errors(tmp_path, condition, "traits: {plan: text}\n") == []


def test_where_only_events_are_declared_traits_are_not_checked(tmp_path: Path) -> None:
    condition = "[{trait: anything, eq: 1}, {event: a}]"
    assert _errors(tmp_path, condition, "events: {a: }\n") == []


def test_what_is_declared_wrongly_is_known_all_the_same(tmp_path: Path) -> None:
    found = _errors(
        tmp_path, "[{trait: plan, eq: 1}, {event: a}]", "traits: {plan: txt}\nevents: {a: {b: c}}\n"
    )
    assert len(found) == 2
    assert all(message.startswith("schema.yaml:") for message in found)


@pytest.mark.parametrize(
    ("measure", "message"),
    [
        ("{event: signd_up}", "unknown event `signd_up`; did you mean `signed_up`?"),
        ("{expr: contact.siz * 2}", "unknown trait `siz`; did you mean `size`?"),
        ("{expr: contact.name * 2}", "`contact.name` is no number; an expression cannot use it"),
        ("{map: plann, to: {pro: 1}}", "unknown trait `plann`; did you mean `plan`?"),
        ("{map: plan, to: {prod: 1}}", "`plan` is never `prod`; did you mean `pro`?"),
        (
            "{map: size, to: {'1': 1}}",
            "`size` is a measure and a trait; write `contact.size` if you mean the trait",
        ),
    ],
)
def test_a_measure_is_held_against_what_is_declared(tmp_path: Path, measure: str, message: str) -> None:
    found = _errors(
        tmp_path, "{trait: plan, eq: pro}", measures=f"size: {{event: signed_up}}\nx: {measure}\n"
    )
    assert found == [f"measures.yaml:2: {message}"]


def test_a_model_is_held_against_what_is_declared(tmp_path: Path) -> None:
    found = _errors(
        tmp_path,
        "{trait: plan, eq: pro}",
        models="x: {predict: {event: signed_up}, horizon: 1d, at: signd_up, from: [plann, plan]}\n",
    )
    assert found == [
        "models.yaml:1: unknown event `signd_up`; did you mean `signed_up`?",
        "models.yaml:1: unknown trait `plann`; did you mean `plan`?",
    ]


def test_the_property_that_two_events_share_is_one_that_both_have(tmp_path: Path) -> None:
    workflow = (
        "trigger: {event: signed_up}\n"
        "steps: [{send: welcome, if: {not: {event: order_placed, same: cart_id}}}]\n"
    )
    found = errors(
        tmp_path, {"workflows/activation.yaml": workflow, "schema.yaml": WIDE, "segments.yaml": None}
    )
    assert found == ["workflows/activation.yaml:2: `signed_up` has no property `cart_id`"]


LINK = "{{ unsubscribe_url }}"


def _mail(text: str, subject: str = "x") -> str:
    return f"---\nsubject: {subject}\n---\n{LINK}\n{text}\n"


def test_a_trait_that_an_email_shows_is_declared(tmp_path: Path) -> None:
    files = {
        "schema.yaml": WIDE,
        "segments.yaml": None,
        "templates/welcome.html": _mail("{{ contact.plam }}", "'{{ contact.nme }}'"),
        "templates/layouts/base.html": "{{ contact['sise'] }}" + LINK,
        "workflows/activation.yaml": "trigger: {event: signed_up}\nsteps:\n"
        "- {send: welcome, subject: 'Hi {{ contact.naem }}'}\n",
    }
    assert errors(tmp_path, files) == [
        "templates/layouts/base.html:1: unknown trait `sise`; did you mean `size`?",
        "templates/welcome.html:2: unknown trait `nme`; did you mean `name`?",
        "templates/welcome.html:5: unknown trait `plam`; did you mean `plan`?",
        "workflows/activation.yaml:3: unknown trait `naem`; did you mean `name`?",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "{{ contact.plan }} {{ contact.first_name }} {{ contact['size'] }} {{ contact.billing.city }}",
        "{{ contact.get('plan') }} {% for name in contact %}{{ name }}{% endfor %}",
    ],
)
def test_declared_and_reserved_traits_may_be_shown(tmp_path: Path, text: str) -> None:
    files = {
        "schema.yaml": WIDE,
        "segments.yaml": None,
        "templates/welcome.html": _mail(text),
        "workflows/activation.yaml": "trigger: {event: signed_up}\nsteps: [{send: welcome}]\n",
    }
    assert compiled(tmp_path, files).templates["welcome"].measures == ()


@pytest.mark.parametrize(
    ("workflow", "message"),
    [
        (
            "trigger: {event: cart_updated}\nentry: {key: basket_id}\n",
            "2: `cart_updated` has no property `basket_id`; did you mean `cart_id`?",
        ),
        (
            "trigger: {event: cart_updated, without: order_placed, for: 4h}\nentry: {key: cart}\n",
            "2: `cart_updated` has no property `cart`; did you mean `cart_id`?",
        ),
        (
            "trigger: {event: cart_updated}\ngoal: {event: order_placed, value: totl}\n",
            "2: `order_placed` has no property `totl`; did you mean `total`?",
        ),
        (
            "trigger: {event: cart_updated}\ngoal: [{trait: plan, eq: pro}, {event: order_placed}]\n",
            "",
        ),
        (
            "trigger: {event: cart_updated}\nentry: {key: cart_id}\ngoal: {event: order_placed, value: total}\n",
            "",
        ),
    ],
)
def test_an_entry_key_and_a_goals_value_are_properties_of_their_events(
    tmp_path: Path, workflow: str, message: str
) -> None:
    files = {
        "schema.yaml": WIDE,
        "segments.yaml": None,
        "workflows/activation.yaml": f"{workflow}steps: [{{send: welcome}}]\n",
        "templates/welcome.html": _mail(""),
    }
    if not message:
        assert compiled(tmp_path, files).workflows["activation"].steps
        return
    assert errors(tmp_path, files) == [f"workflows/activation.yaml:{message}"]


@pytest.mark.parametrize(
    ("trigger", "found"),
    [
        ("{event: cart_updated}", ["2: `cart_updated` has no property `totl`; did you mean `total`?"]),
        (
            "[{event: cart_updated}, {event: order_placed}]",
            ["2: `cart_updated` and `order_placed` have no property `totl`; did you mean `total`?"],
        ),
        ("[{event: cart_updated}, {manual: true}]", []),
        ("{becomes: {trait: plan, eq: pro}}", []),
    ],
)
def test_a_property_that_an_email_shows_is_of_an_event_it_is_sent_after(
    tmp_path: Path, trigger: str, found: list[str]
) -> None:
    files = {
        "schema.yaml": WIDE,
        "segments.yaml": None,
        "workflows/activation.yaml": f"trigger: {trigger}\nsteps: [{{send: welcome}}]\n",
        "templates/welcome.html": _mail("{{ event.cart_id }}{{ event['total'] }}", "'{{ event.totl }}'"),
    }
    if not found:
        assert compiled(tmp_path, files).templates["welcome"].subject == "{{ event.totl }}"
        return
    assert errors(tmp_path, files) == [f"templates/welcome.html:{message}" for message in found]


def test_what_two_workflows_send_may_show_properties_of_either_event(tmp_path: Path) -> None:
    files = {
        "schema.yaml": WIDE,
        "segments.yaml": None,
        "workflows/activation.yaml": "trigger: {event: cart_updated}\nsteps: [{send: welcome}]\n",
        "workflows/ordered.yaml": "trigger: {event: order_placed}\nsteps: [{send: welcome}]\n",
        "templates/welcome.html": _mail("{{ event.note }}{{ event.channel }}\n{{ event.chanel }}"),
    }
    assert errors(tmp_path, files) == [
        "templates/welcome.html:6: `cart_updated` and `order_placed` have no property `chanel`; "
        "did you mean `channel`?"
    ]
