"""What do triggers mean to the engine, and what is wrong with those that mean nothing?"""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from redshank.definitions.models import triggers as models
from redshank.engine.conditions import Compare, InList, Reached
from redshank.engine.serial import dump, load
from redshank.engine.values import Account, Property, Trait
from redshank.engine.workflows import (
    AbsenceTrigger,
    BecomesTrigger,
    DateTrigger,
    EventTrigger,
    ManualTrigger,
    ScheduleTrigger,
    Trigger,
)
from redshank.instants import DAY, HOUR
from tests.unit.definitions.grammar import NAMED, TRIGGERS
from tests.unit.definitions.writing import FILES, compiled, errors, workflow

STEPS = "steps: [{send: welcome}]\n"


def _trigger(root: Path, text: str) -> Trigger:
    [made] = workflow(
        root, f"trigger: {text}\n{STEPS}", {"lists/readers.csv": "email\na@b.example\n"}
    ).triggers
    return made


def _errors(root: Path, trigger: str, rest: str = "") -> list[str]:
    found = errors(root, {"workflows/activation.yaml": f"trigger: {trigger}\n{rest}{STEPS}"})
    return [it.removeprefix("workflows/activation.yaml:") for it in found]


def test_every_trigger_of_the_grammar_is_compiled_word_for_word(tmp_path: Path) -> None:
    listed = "".join(f"  {line}\n" for line in TRIGGERS.splitlines())
    book = compiled(tmp_path, {**NAMED, "workflows/activation.yaml": f"trigger:\n{listed}{STEPS}"})
    assert [type(it) for it in book.workflows["activation"].triggers] == [
        EventTrigger,
        *[AbsenceTrigger] * 3,
        *[BecomesTrigger] * 4,
        DateTrigger,
        *[ScheduleTrigger] * 2,
    ]
    assert load(dump(book)) == book


def test_every_kind_of_trigger_that_is_modelled_is_compiled_here() -> None:
    union = get_args(models.Trigger.__value__)[0]
    assert {get_args(member)[0].__name__ for member in get_args(union)} == {
        *("EventTrigger", "BecomesTrigger", "DateTrigger", "EveryTrigger", "AtTrigger", "ManualTrigger")
    }


# --- absence


def test_an_absence_waits_after_its_anchor(tmp_path: Path) -> None:
    made = _trigger(
        tmp_path,
        "{event: [signed_up, invited], where: {property: source, eq: ads}, without: [paid, bought], for: 48h, "
        "same: account_id, if: {property: plan, eq: pro}, include_existing: true}",
    )
    assert isinstance(made, AbsenceTrigger)
    assert made == AbsenceTrigger(
        key=made.key,
        events=("invited", "signed_up"),
        where=Compare(Property("source"), "eq", "ads"),
        without=("bought", "paid"),
        span=48 * HOUR,
        same="account_id",
        when=Compare(Property("plan"), "eq", "pro"),
        include_existing=True,
    )


# --- dates


@pytest.mark.parametrize(
    ("text", "reached"),
    [
        ("{date: trial_ends_at}", Reached(Trait("trial_ends_at"))),
        ("{date: trial_ends_at, offset: -3d}", Reached(Trait("trial_ends_at"), -3 * DAY)),
        (
            '{date: billing.renews, offset: 12h, time: "18:30"}',
            Reached(Trait("billing.renews"), 12 * HOUR, 1110),
        ),
        (
            '{date: account.renews_at, offset: +1d, time: "00:00"}',
            Reached(Account("renews_at"), DAY, 0),
        ),
    ],
)
def test_a_date_is_a_traits_or_the_accounts(tmp_path: Path, text: str, reached: Reached) -> None:
    made = _trigger(tmp_path, text)
    assert isinstance(made, DateTrigger)
    assert (made.condition, made.include_existing) == (reached, False)


# --- schedules


@pytest.mark.parametrize(
    ("text", "minutes", "days", "timezone"),
    [
        ('{every: [tue, mon], time: "09:00", to: power_user}', 540, (0, 1), "Europe/Berlin"),
        ('{every: sun, time: "23:59", to: power_user, timezone: contact}', 1439, (6,), ""),
        ('{every: day, time: "00:00", to: power_user, timezone: Asia/Tokyo}', 0, (), "Asia/Tokyo"),
        (
            '{every: [mon, tue, wed, thu, fri, sat, sun], time: "08:00", to: power_user}',
            480,
            (),
            "Europe/Berlin",
        ),
    ],
)
def test_every_week_has_its_days_and_a_timezone(
    tmp_path: Path, text: str, minutes: int, days: tuple[int, ...], timezone: str
) -> None:
    made = _trigger(tmp_path, text)
    assert isinstance(made, ScheduleTrigger)
    assert (made.minutes, made.days, made.timezone, made.at) == (minutes, days, timezone, "")
    assert (made.segment, made.skip_late) == ("power_user", False)


@pytest.mark.parametrize(("late", "skips"), [("", False), (", late: send", False), (", late: skip", True)])
def test_a_broadcast_has_a_moment_and_goes_to_latecomers_unless_told(
    tmp_path: Path, late: str, *, skips: bool
) -> None:
    made = _trigger(tmp_path, f'{{at: "2026-12-08 09:00", to: readers, timezone: contact{late}}}')
    assert isinstance(made, ScheduleTrigger)
    assert (made.at, made.timezone, made.skip_late) == ("2026-12-08T09:00", "", skips)


def test_a_static_list_that_is_sent_to_is_a_segment(tmp_path: Path) -> None:
    lists: dict[str, str | None] = {
        "lists/readers.csv": "email\na@b.example\n",
        "lists/others.csv": "email\nc@d.example\n",
        "broadcasts/news.yaml": f'trigger: {{at: "2026-12-08 09:00", to: readers}}\n{STEPS}',
    }
    book = compiled(tmp_path, lists)
    assert book.segments["readers"] == InList("readers")
    assert "others" not in book.segments


def test_a_workflow_may_be_started_by_hand(tmp_path: Path) -> None:
    made = _trigger(tmp_path, "{manual: true, if: {trait: plan, eq: pro}}")
    assert made == ManualTrigger(when=Compare(Trait("plan"), "eq", "pro"))


# --- keys


@pytest.mark.parametrize(
    ("first", "same", "other"),
    [
        (
            "{event: a, without: b, for: 2d}",
            "{event: [a], without: [b], for: 48h, if: {trait: x, eq: 1}, include_existing: true}",
            "{event: a, without: b, for: 3d}",
        ),
        (
            "{date: trial_ends_at, offset: -3d}",
            "{date: trial_ends_at, offset: -72h, if: {trait: x, eq: 1}}",
            "{date: trial_ends_at, offset: 3d}",
        ),
        (
            '{every: tue, time: "09:00", to: power_user}',
            '{every: [tue], time: "09:00", to: power_user, timezone: Europe/Berlin, if: {trait: x, eq: 1}}',
            '{every: [tue], time: "09:00", to: power_user, timezone: contact}',
        ),
        (
            '{at: "2026-12-08 09:00", to: power_user}',
            '{at: "2026-12-08T09:00", to: power_user, late: skip}',
            '{at: "2026-12-08 09:01", to: power_user}',
        ),
    ],
)
def test_a_trigger_keeps_its_key_while_what_it_waits_for_stays_the_same(
    tmp_path: Path, first: str, same: str, other: str
) -> None:
    keys = [
        getattr(_trigger(tmp_path / str(index), it), "key", "")
        for index, it in enumerate((first, same, other))
    ]
    assert keys[0] == keys[1] != ""
    assert keys[2] != keys[0]


# --- how often


@pytest.mark.parametrize(
    ("trigger", "again"),
    [
        ('{every: tue, time: "09:00", to: power_user}', "always"),
        ('[{manual: true}, {every: tue, time: "09:00", to: power_user}]', "always"),
        ('[{event: a}, {every: tue, time: "09:00", to: power_user}]', "never"),
        ('{at: "2026-12-08 09:00", to: power_user}', "never"),
        ("{date: trial_ends_at}", "never"),
        ("{manual: true}", "never"),
    ],
)
def test_a_newsletter_goes_out_each_week_and_what_is_no_newsletter_once(
    tmp_path: Path, trigger: str, again: str
) -> None:
    assert workflow(tmp_path / "a", f"trigger: {trigger}\n{STEPS}").again == again
    said = workflow(tmp_path / "b", f"trigger: {trigger}\nentry: {{again: 30d}}\n{STEPS}")
    assert said.again == 30 * DAY


# --- broadcasts


def test_a_broadcast_is_a_workflow_in_a_folder_of_its_own(tmp_path: Path) -> None:
    text = f'trigger: {{at: "2026-12-08 09:00", to: power_user}}\n{STEPS}'
    book = compiled(tmp_path, {"broadcasts/news.yaml": text})
    assert book.workflows["news"].name == "news"
    assert isinstance(book.workflows["news"].triggers[0], ScheduleTrigger)


def test_a_broadcast_and_a_workflow_share_their_names(tmp_path: Path) -> None:
    text = f"trigger: {{manual: true}}\n{STEPS}"
    assert errors(tmp_path, {"broadcasts/activation.yaml": text}) == [
        "broadcasts/activation.yaml: is called like `workflows/activation.yaml`; give it another name"
    ]


def test_a_broadcast_does_not_wait_for_contacts(tmp_path: Path) -> None:
    text = f"trigger:\n- {{manual: true}}\n- {{event: signed_up}}\n{STEPS}"
    assert errors(tmp_path, {"broadcasts/news.yaml": text}) == [
        "broadcasts/news.yaml:3: a broadcast has a trigger `at`, `every` or `manual`; what waits for contacts is a "
        "workflow"
    ]


# --- mistakes


@pytest.mark.parametrize(
    ("trigger", "message"),
    [
        ("{event: a, without: b}", "1: `without` needs a `for`: how long nothing comes, such as `for: 48h`"),
        ("{event: a, for: 2d}", "1: `for` goes with `without`: the event that stays away"),
        ("{event: a, same: cart_id}", "1: `same` goes with `without`: the event that stays away"),
        ("{event: a, without: b, for: 0d}", "1: `for` should be longer than nothing"),
        ("{event: a, without: b, for: -2d}", "1: `for` should be a duration such as `15m`, `4h`, `2d` or `3w`, not "
         "`-2d`"),
        ("{event: a, without: [], for: 2d}", "1: `without` should not be empty"),
        ("{without: b, for: 2d}", "1: this is no trigger: it has `without` and `for`; write for example `{event: "
         "signed_up}`"),
        ("{event: a, include_existing: true}", "1: `include_existing` is of `becomes`, `without` and `date`; an event "
         "comes once"),
        ("{date: x, offset: 3 days}", "1: `offset` should be a duration such as `-3d`, `12h` or `2w`, not `3 days`"),
        ("{date: x, offset: --3d}", "1: `offset` should be a duration such as `-3d`, `12h` or `2w`, not `--3d`"),
        ("{date: x, time: 9am}", "1: `time` should be a time of day such as `09:00`, not `9am`"),
        ("{date: x, time: 24:00}", "1: `time` should be a time of day such as `09:00`, not `24:00`"),
        ("{date: x, if: {property: a, eq: 1}}", "1: a trigger's `if` has no event to look at"),
        ("{every: [tues], time: 09:00, to: power_user}", "1: `every` should be a weekday such as `mon`, not `tues`; "
         "did you mean `tue`?"),
        ("{every: [Tuesday], time: 09:00, to: power_user}", "1: `every` should be a weekday such as `mon`, not "
         "`Tuesday`; did you mean `tue`?"),
        ("{every: [], time: 09:00, to: power_user}", "1: `every` should not be empty"),
        ("{every: [tue], to: power_user}", "1: `time` is missing"),
        ("{every: [tue], time: 09:00}", "1: `to` is missing"),
        ("{every: day, time: 09:00, to: power_users}", "1: unknown segment `power_users`; did you mean `power_user`?"),
        ("{every: day, time: 09:00, to: power_user, timezone: Europe/Berlim}", "1: `timezone` should be a timezone "
         "such as `Europe/Berlin`, not `Europe/Berlim`; did you mean `Europe/Berlin`?"),
        ("{every: day, time: 09:00, to: power_user, timezone: local}", "1: `timezone` should be `contact` or a "
         "timezone such as `Europe/Berlin`, not `local`"),
        ("{every: day, time: 09:00, to: power_user, late: skip}", "1: unknown key `late`; there is `every`, `if`, "
         "`time`, `timezone` and `to`"),
        ("{at: 2026-12-08, to: power_user}", "1: `at` should be a date with a time such as `2026-12-08 09:00`, not "
         "`2026-12-08`"),
        ("{at: 2026-02-30 09:00, to: power_user}", "1: `at` should be a date with a time such as `2026-12-08 09:00`, "
         "not `2026-02-30 09:00`"),
        ("{at: 2026-12-08 09:00, to: power_user, late: drop}", "1: `late` should be `send` or `skip`, not `drop`"),
        ("{manual: false}", "1: `manual` should be `true`, not `false`; without it, leave the trigger out"),
        ("[{event: a, without: b, for: 2d}, {event: a, without: b, for: 48h}]", "1: another trigger of this workflow "
         "has the same content"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_trigger_is_told(tmp_path: Path, trigger: str, message: str) -> None:
    assert _errors(tmp_path, trigger) == [message]


@pytest.mark.parametrize(
    ("trigger", "has"),
    [
        ("{becomes: {trait: a, eq: 1}}", "`becomes` has none"),
        ("{date: a}", "`date` has none"),
        ("[{event: b}, {every: day, time: 09:00, to: power_user}, {at: 2026-12-08 09:00, to: power_user}]",
         "`every` and `at` have none"),
    ],
)  # fmt: skip
def test_a_key_needs_an_event(tmp_path: Path, trigger: str, has: str) -> None:
    found = _errors(tmp_path, trigger, "entry: {key: cart_id}\n")
    assert found == [f"2: `key` is a property of the event that triggers; {has}"]


def test_events_are_checked_against_the_schema(tmp_path: Path) -> None:
    files: dict[str, str | None] = {
        "schema.yaml": "events: {signed_up: , paid: , product_activated: , logged_in: }\n"
        "traits: {plan: text, trial_ends_at: time}\n",
        "workflows/activation.yaml": "trigger:\n- {event: signd_up}\n- {event: signed_up, without: payed, for: 1d}\n"
        f"- {{date: trial_ends}}\n- {{date: plan}}\n{STEPS}",
    }
    assert [it.partition("activation.yaml:")[2] for it in errors(tmp_path, {**FILES, **files})] == [
        "2: unknown event `signd_up`; did you mean `signed_up`?",
        "3: unknown event `payed`; did you mean `paid`?",
        "4: unknown trait `trial_ends`; did you mean `trial_ends_at`?",
        "5: `plan` is declared as something else than a `time`",
    ]
