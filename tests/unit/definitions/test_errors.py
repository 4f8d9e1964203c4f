"""Does every mistake say where it is, what it is, and what would be right?"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.definitions.writing import FILES, errors

WORKFLOW = "workflows/activation.yaml"


def _workflow_errors(root: Path, text: str) -> list[str]:
    return errors(root, {WORKFLOW: text})


def test_the_small_book_of_these_tests_is_valid(tmp_path: Path) -> None:
    assert errors(tmp_path, {}) == []


def test_all_mistakes_of_all_files_are_told_at_once(tmp_path: Path) -> None:
    found = errors(
        tmp_path,
        {
            "redshank.yaml": FILES["redshank.yaml"].replace("Europe/Berlin", "Europe/Berlim"),
            "segments.yaml": "power_user: {trait: plan, equals: pro}\n",
            WORKFLOW: """\
                trigger: {event: signed_up, iff: {trait: plan, eq: pro}}
                prioriti: 3
                steps:
                  - sent: welcome
                  - send: welcom
                  - wait: two days
                  - send: help
                    if: {in: power_users}
                    sender: anne
            """,
            "templates/help.html": "---\nsubject: Hi {{ contact.name }\n---\n{% if %}\n",
        },
    )
    assert found == [
        "redshank.yaml:2: `timezone` should be a timezone such as `Europe/Berlin`, not `Europe/Berlim`; "
        "did you mean `Europe/Berlin`?",
        "segments.yaml:1: this compares with nothing; add `eq`, `ne`, `one_of`, `lt`, `lte`, `gt`, `gte`, `has`, "
        "`like`, `exists`, `in_next` or `in_last`",
        "segments.yaml:1: unknown key `equals`",
        "templates/help.html:2: Jinja: unexpected '}'",
        "templates/help.html:4: Jinja: Expected an expression, got 'end of statement block'",
        "workflows/activation.yaml:1: unknown key `iff`; did you mean `if`?",
        "workflows/activation.yaml:2: unknown key `prioriti`; did you mean `priority`?",
        "workflows/activation.yaml:4: this is no step: it has `sent`; did you mean `send`?",
        "workflows/activation.yaml:5: unknown template `welcom`; did you mean `welcome`?",
        "workflows/activation.yaml:6: `wait` should be a duration such as `15m`, `4h`, `2d` or `3w`, "
        "not `two days`",
        "workflows/activation.yaml:8: unknown segment `power_users`; did you mean `power_user`?",
        "workflows/activation.yaml:9: unknown sender `anne`; did you mean `ann`?",
    ]


def test_a_book_must_be_a_folder(tmp_path: Path) -> None:
    from redshank.definitions import InvalidBook, compile_book

    with pytest.raises(InvalidBook, match=r"is not a folder; a book is a folder with a `redshank\.yaml`"):
        compile_book(tmp_path / "nothing")


def test_a_book_needs_redshank_yaml(tmp_path: Path) -> None:
    assert errors(tmp_path, {"redshank.yaml": None}) == [
        "redshank.yaml: is missing; it names the book's version, senders and topics"
    ]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("version: 1", "version: 2", "redshank.yaml:1: `version` should be `1`, not the number `2`"),
        ("version: 1", "version: '1'", "redshank.yaml:1: `version` should be `1` without quotes"),
        ("kind: transactional", "kind: transaktional", "redshank.yaml:9: `kind` should be `marketing` or "
         "`transactional`, not `transaktional`; did you mean `transactional`?"),
        ("name: Product tips", "name: ''", "redshank.yaml:8: `name` should not be empty"),
        ("hello@mail.acme.example", "hello", "redshank.yaml:5: `email` should be an email address such as "
         "`hello@mail.acme.example`, not `hello`"),
        ("name: Acme, email", "name: 7, email", "redshank.yaml:5: `name` should be text, not the number `7`"),
        ("name: Billing, kind", "nam: Billing, kind", "redshank.yaml:9: unknown key `nam`; did you mean `name`?"),
        ("tips: {name", "'my tips': {name", "redshank.yaml:8: `my tips` should be a name of letters, digits, `_` and "
         "`-`, not `my tips`"),
        ("version: 1", "version: 1\nholdout: 150%", "redshank.yaml:2: `holdout` should be a share such as `20%`, not "
         "`150%`"),
        ("version: 1", "version: 1\nholdout: 5", "redshank.yaml:2: `holdout` should be a share such as `20%`, not the "
         "number `5`"),
        ("version: 1", "version: 1\nholdout: '5%'", "redshank.yaml:2: `holdout` should be `5%` without quotes"),
        ("version: 1", "version: 1\npolicy: {max_emails_per_day: 0}", "redshank.yaml:2: `max_emails_per_day` should "
         "be 1 or more, not the number `0`"),
        ("version: 1", "version: 1\npolicy: {hold: 1 day}", "redshank.yaml:2: `hold` should be a duration such as "
         "`15m`, `4h`, `2d` or `3w`, not `1 day`"),
        ("postal_address: 1 Main St, Springfield\n", "", "redshank.yaml:1: `postal_address` is missing; the law asks "
         "for it in marketing email"),
        ("default:", "main:", "workflows/activation.yaml:4: unknown sender `default`; there is `ann` and `main`"),
    ],
)  # fmt: skip
def test_a_mistake_in_redshank_yaml_is_told(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = FILES["redshank.yaml"]
    assert old in text
    assert message in errors(tmp_path, {"redshank.yaml": text.replace(old, new)})


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("steps: [{send: welcome}]", "1: `trigger` is missing"),
        ("trigger: {event: signed_up}\nsteps: []", "2: `steps` should not be empty"),
        ("trigger: []\nsteps: [{send: welcome}]", "1: `trigger` should not be empty"),
        ("trigger: signed_up\nsteps: [{send: welcome}]", "1: a trigger is a mapping such as `{event: signed_up}`, not "
         "`signed_up`"),
        ("trigger: {evnt: signed_up}\nsteps: [{send: welcome}]", "1: this is no trigger: it has `evnt`; did you mean "
         "`event`?"),
        ("trigger: {event: a, becomes: {trait: b, eq: c}}\nsteps: [{send: welcome}]", "1: this has `event` and "
         "`becomes`; a trigger is one of them"),
        ("trigger: {event: a}\nstate: on\nsteps: [{send: welcome}]", "2: `state` should be `live`, `shadow`, `paused` "
         "or `retired`, not `on`"),
        ("trigger: {event: a}\npriority: high\nsteps: [{send: welcome}]", "2: `priority` should be a whole number, not "
         "`high`"),
        ("trigger: {event: a}\nentry: {again: sometimes}\nsteps: [{send: welcome}]", "2: `again` should be `never`, "
         "`always` or a duration such as `30d`, not `sometimes`"),
        ("trigger: {becomes: {trait: a, eq: 1}}\nentry: {key: cart}\nsteps: [{send: welcome}]", "2: `key` is a "
         "property of the event that triggers; `becomes` has none"),
        ("trigger: {event: a}\ntopic: tipps\nsteps: [{send: welcome}]", "2: unknown topic `tipps`; did "
         "you mean `tips`?"),
        ("trigger: {event: a}\nsteps:\n- welcome", "3: a step is a mapping such as `send: welcome`, not `welcome`"),
        ("trigger: {event: a}\nsteps:\n- {}", "3: this is no step: it is empty; write for example `send: welcome`"),
        ("trigger: {event: a}\nsteps:\n- {send: welcome, wait: 2d}", "3: this has `send` and `wait`; a step is one of "
         "them"),
        ("trigger: {event: a}\nsteps:\n- wait: 0d", "3: `wait` should be longer than nothing"),
        ("trigger: {event: a}\nsteps:\n- {send: welcome, id: a/b}", "3: `id` should be a name of letters, digits, `_` "
         "and `-`, not `a/b`"),
        ("trigger: {event: a}\nsteps:\n- send: welcome\n- send: welcome", "4: two steps are called `welcome`, like the "
         "one on line 3; give this one an `id` of its own"),
        ("trigger: {event: a}\nsteps:\n- wait: 1d\n- wait: 1d", "4: this step would be called `wait`, like the one on "
         "line 3; give it an `id`"),
        ("trigger: {event: a}\nsteps:\n- {send: welcome, was: help}\n- send: help", "3: `help` is the id of another "
         "step"),
        ("trigger: {event: a}\nsteps:\n- branch: [{then: []}, {if: {trait: a, eq: 1}, then: []}]", "3: an arm without "
         "`if` takes everybody; it must be the last"),
        ("trigger: {event: a}\nsteps:\n- {send: welcome, subject: 'Hi {{ name }}'}", "3: unknown variable `name`; a "
         "trait is `contact.name`, a property of the starting event `event.name`"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_workflow_is_told(tmp_path: Path, text: str, message: str) -> None:
    assert f"{WORKFLOW}:{message}" in _workflow_errors(tmp_path, text)


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("{trait: plan}", "this compares with nothing; add `eq`, `ne`, `one_of`, `lt`, `lte`, `gt`, `gte`, `has`, "
         "`like`, `exists`, `in_next` or `in_last`"),
        ("{trait: plan, gte: 1, lt: 5}", "this compares twice (`lt` and `gte`); write a list of two conditions"),
        ("{trait: plan, eq: [a]}", "`eq` should be text, a number, or true or false, not a list"),
        ("{trait: plan, one_of: a}", "`one_of` should be a list, not `a`"),
        ("{trait: plan, exists: 'yes'}", "`exists` should be true or false, not `yes`"),
        ("{trait: plan, eqq: pro, eq: pro}", "unknown key `eqq`; did you mean `eq`?"),
        ("{trate: plan, eq: pro}", "this is no condition: it has `trate` and `eq`; did you mean `trait`?"),
        ("[]", "`if` should not be an empty list"),
        ("plan", "a condition is a mapping such as `{trait: plan, eq: pro}`, not `plan`"),
        ("{event: a, like: x}", "this counts events, and a count is compared with `eq`, `ne`, `one_of`, `lt`, `lte`, "
         "`gt` or `gte`, not `like`"),
        ("{event: a, gte: many}", "this counts events; `gte` should be a number"),
        ("{event: a, eq: true}", "this counts events; `eq` should be a number"),
        ("{event: a, sum: b}", "this compares `sum` with nothing; add `eq`, `ne`, `one_of`, `lt`, `lte`, `gt`, `gte`, "
         "`has`, `like`, `exists`, `in_next` or `in_last`"),
        ("{event: a, sum: b, max: c, gte: 1}", "this asks for `sum` and `max`; an event is asked for one of them"),
        ("{event: a, sum: b, like: c}", "this adds up, and `sum` is compared with `eq`, `ne`, `one_of`, `lt`, `lte`, "
         "`gt` or `gte`, not `like`"),
        ("{event: a, distinct: b, eq: c}", "this counts values; `eq` should be a number"),
        ("{event: a, within: 1d, during: today}", "this has `within` and `during`; an event has one window at most"),
        ("{event: a, ago: 1d}", "`ago` moves the window of `within`, which is missing; add for example `within: 30d`"),
        ("{event: a, during: yesterday}", "`during` should be `today`, `this_month` or `last_month`, not `yesterday`"),
        ("{trait: a, in_next: 3}", "`in_next` should be a duration such as `15m`, `4h`, `2d` or `3w`, not the number "
         "`3`"),
        ("{trait: a, in_last: 0d}", "`in_last` should be longer than nothing"),
        ("{trait: a, one_of: []}", "`one_of` should not be empty"),
        ("{account: plan}", "this compares with nothing; add `eq`, `ne`, `one_of`, `lt`, `lte`, `gt`, `gte`, `has`, "
         "`like`, `exists`, `in_next` or `in_last`"),
        ("{measure: usage, gte: 1}", "unknown measure `usage`"),
        ("{opened: welcome, link: x}", "`link` is of `clicked`; what is opened has none"),
        ("{sent: welcome, by: anyone}", "`by` is of `opened` and `clicked`; it is we who send"),
        ("{clicked: welcome, by: machine}", "`by` should be `human` or `anyone`, not `machine`"),
        ("{event: a, where: {trait: plan, eq: pro}}", "`where` filters events by their `property`; ask about the "
         "contact in `if`"),
        ("{in: power}", "unknown segment `power`; did you mean `power_user`?"),
        ("{subscribed: tip}", "unknown topic `tip`; did you mean `tips`?"),
        ("{clicked: welcom}", "no step `welcom` sends an email in this workflow; did you mean `welcome`?"),
        ("{clicked: welcome, opened: welcome}", "this asks twice; write a list"),
        ("{not: {trait: plan}}", "this compares with nothing; add `eq`, `ne`, `one_of`, `lt`, `lte`, `gt`, `gte`, "
         "`has`, `like`, `exists`, `in_next` or `in_last`"),
        ("{all: []}", "`all` should not be empty"),
    ],
)  # fmt: skip
def test_a_mistake_in_a_condition_is_told(tmp_path: Path, condition: str, message: str) -> None:
    text = f"trigger: {{event: a}}\nsteps:\n- send: welcome\n  if: {condition}\n"
    assert f"{WORKFLOW}:4: {message}" in _workflow_errors(tmp_path, text)


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("trigger: {becomes: {property: a, eq: 1}}", "`becomes` has no event to look at"),
        ("trigger: {event: a, if: {opened: welcome}}", "`opened` asks about a journey's emails; a trigger's `if` has "
         "none"),
        ("trigger: {event: a, where: {trait: a, eq: 1}}", "`where` filters events by their `property`; ask about the "
         "contact in `if`"),
        ("trigger: [{becomes: {trait: a, eq: 1}}, {becomes: {trait: a, eq: 1}, if: {trait: b, eq: 1}}]",
         "another trigger of this workflow has the same condition"),
    ],
)  # fmt: skip
def test_a_condition_that_its_place_cannot_answer_is_refused(
    tmp_path: Path, place: str, message: str
) -> None:
    assert f"{WORKFLOW}:1: {message}" in _workflow_errors(tmp_path, f"{place}\nsteps: [{{send: welcome}}]\n")


def test_segments_that_are_defined_by_themselves_are_refused(tmp_path: Path) -> None:
    found = errors(tmp_path, {"segments.yaml": "a: {not: {in: b}}\nb: [{in: a}]\nc: {in: a}\n"})
    assert found == [
        "segments.yaml:1: the segment `a` is defined by itself",
        "segments.yaml:2: the segment `b` is defined by itself",
    ]


@pytest.mark.parametrize(
    ("old", "new", "name"),
    [
        ("email: hello@mail.acme.example", "email: hello@mail.acme.example, pool: marketing", "pool"),
        ("name: Product tips", "name: Product tips, opt_in: double", "opt_in: double"),
        ("name: Product tips", "name: Product tips, confirm: confirm_tips", "confirm"),
        ("name: Product tips", "name: Product tips, remind: 3d", "remind"),
        ("name: Product tips", "name: Product tips, expires: 14d", "expires"),
        ("version: 1", "version: 1\npolicy: {sunset: {after: 180d}}", "sunset"),
        ("version: 1", "version: 1\npolicy: {breaker: {bounces: 2%}}", "breaker"),
        ("version: 1", "version: 1\nwarm_up: {pool: marketing}", "warm_up"),
        ("version: 1", "version: 1\nconversions: {paid: {value: total}}", "conversions"),
        ("version: 1", "version: 1\nattribution: {model: last_touch}", "attribution"),
        ("version: 1", "version: 1\nlinks: {utm_campaign: x}", "links"),
        ("version: 1", "version: 1\nenvironments: {staging: {}}", "environments"),
    ],
)
def test_a_setting_that_would_do_nothing_yet_is_refused_by_name(
    tmp_path: Path, old: str, new: str, name: str
) -> None:
    text = FILES["redshank.yaml"]
    [found] = errors(tmp_path, {"redshank.yaml": text.replace(old, new, 1)})
    assert found.endswith(f": `{name}` is not supported yet")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("segment.yaml", "segment.yaml: is no part of a book; did you mean `segments.yaml`?"),
        ("redshank.yml", "redshank.yml: is no part of a book; did you mean `redshank.yaml`?"),
        ("workflow/x.yaml", "workflow: is no part of a book; did you mean `workflows`?"),
        ("workflows/x.yml", "workflows/x.yml: is no workflow; write it as `workflows/NAME.yaml`"),
        ("workflows/deep/x.yaml", "workflows/deep/x.yaml: is no workflow; write it as `workflows/NAME.yaml`"),
        ("templates/x.mjml", "templates/x.mjml: MJML is not supported yet; write HTML"),
        ("templates/welcome.de.html", "templates/welcome.de.html: templates per language are not supported yet"),
        ("templates/x.txt", "templates/x.txt: is the text part of `x.html`, which does not exist"),
        ("templates/mails/x.html", "templates/mails/x.html: templates lie in `templates`, `layouts` or `partials`, not "
         "in `mails`"),
        ("templates/images/x.png", "templates/images/x.png: `templates/images` is not supported yet; link to images on "
         "the web"),
    ],
)  # fmt: skip
def test_a_file_that_would_be_ignored_in_silence_is_refused(tmp_path: Path, name: str, message: str) -> None:
    assert errors(tmp_path, {name: "a: 1\n"}) == [message]


def test_a_readme_may_stand_in_a_book(tmp_path: Path) -> None:
    assert errors(tmp_path, {"README.md": "# Hello\n", ".gitignore": "x\n"}) == []


def test_an_empty_file_is_refused(tmp_path: Path) -> None:
    assert errors(tmp_path, {WORKFLOW: ""}) == [f"{WORKFLOW}:1: the file should be a mapping, not empty"]


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "workflows").mkdir()
    (tmp_path / "workflows" / "b.yaml").write_bytes(b"trigger: \xff")
    assert errors(tmp_path, {}) == ["workflows/b.yaml: is not UTF-8 text: invalid start byte at byte 9"]


def test_the_name_of_a_segment_is_a_name(tmp_path: Path) -> None:
    assert errors(tmp_path, {"segments.yaml": "power user: {trait: plan, eq: pro}\n"}) == [
        "segments.yaml:1: `power user` should be a name of letters, digits, `_` and `-`, not `power user`"
    ]


def test_a_broken_step_causes_no_second_error_about_the_names_it_would_have_had(tmp_path: Path) -> None:
    found = _workflow_errors(
        tmp_path,
        """\
        trigger: {event: signed_up}
        steps:
          - {send: welcome, hold: long}
          - wait: 1d
          - {send: help, if: {not: {opened: welcome}}}
        """,
    )
    assert found == [
        f"{WORKFLOW}:3: `hold` should be a duration such as `15m`, `4h`, `2d` or `3w`, not `long`",
    ]
