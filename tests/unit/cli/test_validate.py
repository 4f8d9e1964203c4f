"""What does `validate` say of what is wrong, and of what is likely to be?"""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner, Result

from cli.main import app
from tests.unit.definitions.test_warnings import GOES_ON, SOUND
from tests.unit.definitions.writing import write

WORKFLOW = "workflows/activation.yaml"
MISTAKE = "trigger: {event: a}\nsteps:\n- send: welcom\n"


def _validate(root: Path, workflow: str | None, *options: str) -> Result:
    files = SOUND if workflow is None else {**SOUND, WORKFLOW: workflow}
    return CliRunner().invoke(app, ["validate", str(write(root, files)), *options])


def test_a_warning_does_not_fail(tmp_path: Path) -> None:
    result = _validate(tmp_path, GOES_ON)
    assert result.exit_code == 0
    assert "is valid" in result.stdout
    warning, count = result.stderr.splitlines()
    assert warning.startswith(f"{tmp_path}/{WORKFLOW}:1: there is no `goal` and no `exit_if`")
    assert count == "1 warning"


def test_a_warning_fails_where_that_is_asked_for(tmp_path: Path) -> None:
    assert _validate(tmp_path, GOES_ON, "--strict").exit_code == 1
    assert _validate(tmp_path, None, "--strict").exit_code == 0


def test_a_sound_book_is_not_told_of_warnings(tmp_path: Path) -> None:
    result = _validate(tmp_path, None)
    assert (result.exit_code, result.stderr) == (0, "")


def test_errors_and_warnings_come_as_lines_of_json(tmp_path: Path) -> None:
    result = _validate(tmp_path, GOES_ON, "--json")
    [warning] = [json.loads(line) for line in result.stdout.splitlines()]
    assert result.exit_code == 0
    assert {key: warning[key] for key in ("severity", "file", "line")} == {
        "severity": "warning",
        "file": f"{tmp_path}/{WORKFLOW}",
        "line": 1,
    }
    result = _validate(tmp_path, MISTAKE, "--json")
    [error] = [json.loads(line) for line in result.stdout.splitlines()]
    assert (result.exit_code, result.stderr) == (1, "")
    assert error == {
        "severity": "error",
        "file": f"{tmp_path}/{WORKFLOW}",
        "line": 3,
        "message": "unknown template `welcom`; did you mean `welcome`?",
    }


def test_a_sound_book_is_no_line_of_json(tmp_path: Path) -> None:
    assert _validate(tmp_path, None, "--json").stdout == ""


def test_what_concerns_a_whole_file_has_no_line(tmp_path: Path) -> None:
    write(tmp_path, SOUND)
    (tmp_path / "segments.html").write_text("")
    result = CliRunner().invoke(app, ["validate", str(tmp_path), "--json"])
    assert json.loads(result.stdout)["line"] is None


def test_a_book_that_is_not_there_is_said_to_be_missing(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["validate", str(tmp_path / "nowhere"), "--json"])
    assert result.exit_code == 1
    assert "is not a folder" in json.loads(result.stdout)["message"]
