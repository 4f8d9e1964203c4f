"""The real handlers, functions/<name>/app.py, on ports in memory."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from redshank import observing, wiring
from redshank.environment import Environment

_FUNCTIONS = Path(__file__).parents[1] / "functions"


def load(name: str, monkeypatch: pytest.MonkeyPatch, environment: Environment, **ports: Any) -> ModuleType:
    """The handler's module, started anew with these ports instead of AWS."""
    monkeypatch.setattr(wiring, "environment", lambda: environment)
    monkeypatch.setattr(observing, "logger", lambda service: None)
    for port, adapter in ports.items():
        monkeypatch.setattr(wiring, port, lambda adapter=adapter: adapter)
    spec = importlib.util.spec_from_file_location(f"functions_{name}_app", _FUNCTIONS / name / "app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
