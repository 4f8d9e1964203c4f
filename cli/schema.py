"""How does an editor know what a book may say? JSON Schemas, and where they belong."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from redshank.definitions.json_schema import patterns, schemas


def write_schemas(folder: Path) -> list[Path]:
    """Write every schema into a folder, which is made if need be."""
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for name, schema in schemas().items():
        path = folder / f"{name}.json"
        path.write_text(json.dumps(schema, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        written.append(path)
    return written


def associations(folder: Path) -> Mapping[str, list[str]]:
    """What the setting ``yaml.schemas`` of Visual Studio Code has to say."""
    return {
        f"./{folder.as_posix()}/{name}.json" if not folder.is_absolute() else f"{folder}/{name}.json": [
            f"**/{file}" for file in files
        ]
        for name, files in patterns().items()
        if files
    }
