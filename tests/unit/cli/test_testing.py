"""Does a book do what its scenarios expect, and how is it told?"""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner, Result

from cli.main import app
from tests.unit.definitions.writing import write

EXAMPLES = Path(__file__).parents[3] / "examples"

PASSING = """\
- scenario: whoever activates is left alone
  start: "2026-03-27 20:00"
  contact: {email: ann@example.com, timezone: Europe/Berlin}
  when: [{at: 1h, opened: welcome}, {at: 1d, event: product_activated}]
  expect: [{at: 0s, sent: welcome}, {at: 1d, exited: goal}]
"""
FAILING = """\
- scenario: help comes a day late
  start: "2026-03-27 20:00"
  contact: {email: ann@example.com, timezone: Europe/Berlin}
  expect: [{at: 0s, sent: welcome}, {at: 3d, sent: help}]
"""
TESTED = """\
trigger: {event: signed_up}
steps:
  - split: persist_or_stop
    arms: {persist: {share: 50%, then: [{send: help}]}, stop: {share: 50%, then: [{exit: stopped}]}}
"""


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["test", *(str(argument) for argument in arguments)])


def _book(tmp_path: Path, scenarios: str, **files: str) -> Path:
    return write(tmp_path / "book", {"tests/activation.yaml": scenarios, **files})


def _errors(tmp_path: Path, scenarios: str) -> list[str]:
    """What is said of the scenarios in a book, without where the book is."""
    book = _book(tmp_path, scenarios)
    result = _run(book)
    assert (result.exit_code, result.stdout) == (1, "")
    return [line.removeprefix(f"{book}/tests/") for line in result.stderr.splitlines()[:-1]]


def test_the_scenario_of_the_language_passes(tmp_path: Path) -> None:
    result = _run(_book(tmp_path, PASSING))
    assert (result.exit_code, result.stdout) == (0, "1 scenario passed\n"), result.output


def test_a_failure_is_a_diff_of_timelines_in_local_time(tmp_path: Path) -> None:
    """The clocks go forward on Sunday: 48 hours after eight it is nine."""
    book = _book(tmp_path, PASSING + FAILING)
    result = _run(book)
    assert result.exit_code == 1
    assert result.stdout.splitlines() == [
        f"failed: help comes a day late ({book}/tests/activation.yaml:6)",
        "    Fri 27 Mar 20:00       0s  entered activation",
        "    Fri 27 Mar 20:00       0s  sent welcome (activation)",
        "  + Sun 29 Mar 21:00       2d  sent help (activation)",
        "    Sun 29 Mar 21:00       2d  exited finished (activation)",
        "  - Mon 30 Mar 21:00       3d  sent help",
        "1 of 2 scenarios failed; - was expected, + was not",
    ]


def test_arms_are_chosen(tmp_path: Path) -> None:
    for arm, expected in (("persist", "{at: 0s, sent: help}"), ("stop", "{at: 0s, exited: stopped}")):
        scenario = f"""\
- scenario: {arm}
  start: "2026-03-27 20:00"
  contact: {{email: ann@example.com}}
  arms: {{persist_or_stop: {arm}}}
  when: [{{at: 0s, event: signed_up}}]
  expect: [{expected}]
"""
        result = _run(_book(tmp_path / arm, scenario, **{"workflows/activation.yaml": TESTED}))
        assert result.exit_code == 0, result.output


def test_results_are_written_as_junit_xml(tmp_path: Path) -> None:
    file = tmp_path / "out.xml"
    assert _run(_book(tmp_path, PASSING + FAILING), "--junit", file).exit_code == 1
    (suite,) = ElementTree.parse(file).getroot()
    assert {name: suite.get(name) for name in ("name", "tests", "failures", "errors")} == {
        "name": "tests/activation.yaml",
        "tests": "2",
        "failures": "1",
        "errors": "0",
    }
    passed, failed = suite
    assert (passed.get("name"), list(passed)) == ("whoever activates is left alone", [])
    assert failed.get("line") == "6"
    assert "+ Sun 29 Mar 21:00       2d  sent help (activation)" in (failed[0].text or "").splitlines()


def test_a_book_without_scenarios_says_so(tmp_path: Path) -> None:
    result = _run(write(tmp_path))
    assert (result.exit_code, result.stdout) == (0, "there are no scenarios\n")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("opened: welcome", "opened: welcom", "4: no step `welcom` sends an email; did you mean `welcome`?"),
        ("sent: welcome", "sent: wellcome", "5: no step `wellcome` sends an email; did you mean `welcome`?"),
        ("expect:", "expects:", "5: unknown key `expects`; did you mean `expect`?"),
        (
            "opened: welcome",
            "opend: welcome",
            "4: this is no happening: it has `at` and `opend`; did you mean `opened`?",
        ),
        (
            "exited: goal",
            "exited: goal, workflow: activaton",
            "5: unknown workflow `activaton`; did you mean `activation`?",
        ),
        (
            "at: 1d, exited: goal",
            "at: 1d, entered: active",
            "5: unknown workflow `active`; did you mean `activation`?",
        ),
        ("event: product_activated", "unsubscribed: tip", "4: unknown topic `tip`; did you mean `tips`?"),
        ("at: 1d, exited: goal", "at: 1d, skipped: hlp", "5: unknown step `hlp`; did you mean `help`?"),
        (
            "at: 1h",
            "at: soon",
            "4: `at` should be a time since `start` such as `2d`, or a local time such as"
            " `2026-12-08 09:00`, not `soon`",
        ),
        (
            "Europe/Berlin",
            "Europe/Berln",
            "3: the timezone should be one such as `Europe/Berlin`, not `Europe/Berln`",
        ),
        (
            '"2026-03-27 20:00"',
            "friday",
            "2: `start` should be a date with a time such as `2026-12-08 09:00`, not `friday`",
        ),
        ("  when:", "  arms: {welcome: direct}\n  when:", "4: no step `welcome` has arms"),
    ],
)
def test_what_is_wrong_is_told_with_its_line(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in PASSING
    errors = _errors(tmp_path, PASSING.replace(old, new, 1))
    assert f"activation.yaml:{message}" in errors


def test_what_the_app_does_not_send_is_told_where_it_says_what_it_sends(tmp_path: Path) -> None:
    schema = """\
traits: {plan: text}
events: {signed_up: {}, product_activated: {}, logged_in: {}}
"""
    scenario = PASSING.replace("timezone:", "pln: pro, timezone:").replace(
        "event: product_a", "event: product_"
    )
    result = _run(_book(tmp_path, scenario, **{"schema.yaml": schema}))
    assert [line.partition("tests/")[2] for line in result.stderr.splitlines()[:-1]] == [
        "activation.yaml:3: unknown trait `pln`; did you mean `plan`?",
        "activation.yaml:4: unknown event `product_ctivated`; did you mean `product_activated`?",
    ]
    assert _run(_book(tmp_path, PASSING, **{"schema.yaml": schema})).exit_code == 0


def test_a_missing_expectation_is_told(tmp_path: Path) -> None:
    assert _errors(tmp_path, "- {scenario: x, start: '2026-03-27 20:00', contact: {}}\n") == [
        "activation.yaml:1: `expect` is missing"
    ]


def test_a_file_that_is_no_list_is_told(tmp_path: Path) -> None:
    assert _errors(tmp_path, "scenario: x\n") == [
        "activation.yaml:1: the file should be a list of scenarios, not a mapping"
    ]


@pytest.mark.parametrize("folder", sorted(EXAMPLES.glob("*/tests")), ids=lambda path: path.parent.name)
def test_the_examples_do_what_their_scenarios_expect(folder: Path) -> None:
    result = _run(folder.parent)
    assert result.exit_code == 0, result.output
    assert "passed" in result.stdout


def test_validate_looks_at_scenarios_too(tmp_path: Path) -> None:
    book = _book(tmp_path, dedent(PASSING.replace("sent: welcome", "sent: wellcome")))
    result = CliRunner().invoke(app, ["validate", str(book)])
    assert result.exit_code == 1
    assert f"{book}/tests/activation.yaml:5: no step `wellcome` sends an email" in result.stderr
