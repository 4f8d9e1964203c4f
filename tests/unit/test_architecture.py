"""Imports run one way, and the core stays pure."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

LAYER = Path(__file__).parents[2] / "layers" / "core"
PACKAGE = LAYER / "redshank"

#: What nothing pure may load, directly or through others.
IMPURE = {"boto3", "botocore", "pynamodb", "aws_lambda_powertools", "pydantic", "jinja2", "urllib3", "ruamel"}

#: Room -> the rooms and modules it may import from; `wiring` alone puts adapters and use cases together.
ALLOWED = {
    "instants": set(),
    "identity": set(),
    "errors": set(),
    "clock": set(),
    "records": set(),
    "threads": set(),
    "environment": {"clock", "errors"},
    "sessions": set(),
    "engine": {"instants", "identity", "errors"},
    "definitions": {"engine", "instants", "identity", "errors"},
    "ports": {"engine", "clock"},
    "wire": {"engine", "errors"},
    "memory": {"engine", "errors", "identity", "ports"},
}
USE_CASES = ("ingest", "evaluation", "sending", "feedback", "preferences", "simulation")
#: Use cases that build on another one.
BUILDS_ON = {"sending": {"preferences"}, "simulation": {"ingest"}}
USE_CASES_MAY = {*ALLOWED, "observing"} - {"environment", "sessions", "memory", "definitions", "threads"}
ADAPTERS = ("store", "aws")
ADAPTERS_MAY = {*ALLOWED} - {"definitions", "memory", "threads", "wire"}


def _imports(path: Path) -> set[str]:
    """The rooms and modules of redshank that a file imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "redshank":
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("redshank."):
            found.add((node.module or "").split(".")[1])
        elif isinstance(node, ast.Import):
            found |= {it.name.split(".")[1] for it in node.names if it.name.startswith("redshank.")}
    return found


def _files(room: str) -> list[Path]:
    folder = PACKAGE / room
    return sorted(folder.rglob("*.py")) if folder.is_dir() else [PACKAGE / f"{room}.py"]


@pytest.mark.parametrize("room", [*ALLOWED, *USE_CASES, *ADAPTERS])
def test_a_room_imports_only_from_the_rooms_below_it(room: str) -> None:
    allowed = ALLOWED.get(room, USE_CASES_MAY if room in USE_CASES else ADAPTERS_MAY) | {room}
    allowed = allowed | BUILDS_ON.get(room, set())
    strays = {str(path.relative_to(PACKAGE)): _imports(path) - allowed for path in _files(room)}
    assert not {path: names for path, names in strays.items() if names}


def test_the_core_loads_no_aws_library() -> None:
    modules = ["redshank.engine." + path.stem for path in (PACKAGE / "engine").glob("*.py")]
    modules = [name for name in modules if not name.endswith("__init__")]
    script = f"import sys, importlib; [importlib.import_module(m) for m in {modules!r}]; print(*sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", script], cwd=LAYER, capture_output=True, text=True, check=True
    ).stdout
    assert "redshank.engine.advance" in loaded.split()
    assert not IMPURE & {name.partition(".")[0] for name in loaded.split()}


@pytest.mark.parametrize("word", ["time", "random", "os", "uuid", "secrets"])
def test_the_core_reads_no_clock_no_chance_and_no_environment(word: str) -> None:
    for path in _files("engine"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [it.name for it in node.names] if isinstance(node, ast.Import) else []
            assert word not in names, path
            assert not (isinstance(node, ast.ImportFrom) and node.module == word), path


def test_only_one_module_reads_the_environment() -> None:
    readers = {
        path.name
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")
    }
    assert readers == {"environment.py"}


def test_only_one_module_asks_the_machine_for_the_time() -> None:
    asking = [
        str(path.relative_to(PACKAGE))
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute) and node.attr in ("time", "time_ns", "now", "utcnow", "today")
        if isinstance(node.value, ast.Name) and node.value.id in ("time", "datetime", "date")
    ]
    # An EMF line bears the wall's time by definition.
    assert set(asking) == {"clock.py", "observing.py"}
