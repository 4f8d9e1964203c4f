"""Write the page: ``python -m redshank.definitions.reference docs/reference.md``."""

from __future__ import annotations

import sys
from pathlib import Path

from redshank.definitions.reference import reference

if __name__ == "__main__":
    [path] = sys.argv[1:]
    Path(path).write_text(reference(), encoding="utf-8")
