"""Does what `sam build` makes start in Lambda: with Python 3.13, the layer, and nothing else?"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from infra import artefacts
from tests.infra.templates import ROOT, functions

FUNCTIONS = functions()


@pytest.fixture(scope="session")
def build() -> Path:
    artefacts.build(arch=artefacts.machine())
    return artefacts.LOCAL


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.timeout(300)
def test_every_handler_imports_with_nothing_but_the_layer(build: Path, name: str) -> None:
    layer = build / "Core" / "python"
    paths = [str(build / name), str(layer)]
    script = f"import sys, os\nsys.path[:0] = {paths!r}\nimport app\nassert callable(app.handler)\n"
    variables = {
        key: value if isinstance(value, str) else "given"
        for key, value in FUNCTIONS[name]["Variables"].items()
    }
    variables |= {
        "REDSHANK_CLOCK_SPEED": "1",
        "REDSHANK_CLOCK_SINCE": "0",
        "AWS_REGION": "us-east-1",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
        # Whatever a handler asks of AWS while it is imported fails at once, instead of leaving the machine.
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
    }
    # -S: without the site-packages of the interpreter.
    python = Path(sys.base_prefix) / "bin" / "python3.13"
    done = subprocess.run(
        [str(python), "-S", "-B", "-c", script], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_is_shipped_is_compiled_ahead(build: Path) -> None:
    package = build / "Core" / "python" / "redshank"
    for module in package.rglob("*.py"):
        compiled = module.parent / "__pycache__" / f"{module.stem}.cpython-313.pyc"
        assert compiled.exists(), module
        # Bytes 4-8: hash-based and unchecked (PEP 552), since a zip changes every file's time.
        assert compiled.read_bytes()[4:8] == b"\x01\x00\x00\x00"


def test_services_that_the_layer_makes_clients_of_are_shipped() -> None:
    used = {
        call.args[0].value
        for module in (ROOT / "layers" / "core" / "redshank").rglob("*.py")
        for call in ast.walk(ast.parse(module.read_text()))
        if isinstance(call, ast.Call)
        and isinstance(call.func, ast.Attribute)
        and call.func.attr in ("client", "create_client", "resource")
        and call.args
        and isinstance(call.args[0], ast.Constant)
    }
    assert used
    assert used <= artefacts.SERVICES


def test_the_layer_and_the_checkout_run_the_same_versions() -> None:
    def pins(path: str) -> set[str]:
        lines = (ROOT / path).read_text().splitlines()
        return {line.split(" ")[0] for line in lines if "==" in line and not line.startswith((" ", "#"))}

    assert pins("layers/core/requirements.txt") <= pins("requirements/dev.txt")


def test_no_lock_names_a_registry() -> None:
    for lock in [*(ROOT / "requirements").glob("*.txt"), ROOT / "layers" / "core" / "requirements.txt"]:
        assert "://" not in lock.read_text(), lock
