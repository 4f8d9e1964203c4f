"""What does `schema` write, and what does it say of it?"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from cli.main import app
from redshank.definitions.json_schema import schemas


def test_every_schema_is_written_and_associated_with_its_files(tmp_path: Path) -> None:
    out = tmp_path / "new" / "schemas"
    result = CliRunner().invoke(app, ["schema", "--out", str(out)])
    assert result.exit_code == 0
    assert {path.stem: json.loads(path.read_text()) for path in out.iterdir()} == schemas()
    associated = json.loads(result.stdout)["yaml.schemas"]
    assert associated[f"{out}/workflow.json"] == ["**/workflows/*.yaml", "**/broadcasts/*.yaml"]
    assert all(Path(path).is_file() for path in associated)


def test_a_folder_of_this_one_is_associated_relative_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(app, ["schema"])
    associated = json.loads(result.stdout)["yaml.schemas"]
    assert "./.schemas/redshank.json" in associated
    assert all(Path(path).is_file() for path in associated)
    assert "yaml-language-server: $schema=" in result.stderr
