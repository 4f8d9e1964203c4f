"""What is shipped to Lambda? `sam build`, less what nobody loads, and every module of it compiled ahead.

Without compiled modules a cold start takes twice as long: Lambda's file system is read-only, so it would compile
everything anew each time. They are marked as unchecked: the zip changes every file's time. botocore describes
some 400 services in 2,000 files, of which five are used.

    python -m infra.artefacts                 for the template's default processor, into .aws-sam/build
    python -m infra.artefacts --local         for this machine, into .redshank/build
"""

from __future__ import annotations

import argparse
import fcntl
import hashlib
import os
import platform
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
SAM = ROOT / ".venv-sam" / "bin" / "sam"
LOCAL = ROOT / ".redshank" / "build"
_SHIPPED = ROOT / ".aws-sam" / "build"
#: The AWS services that the layer's code makes clients of.
SERVICES = frozenset({"dynamodb", "events", "s3", "sesv2", "sqs"})
_SOURCES = ("infra/artefacts.py", "template.yaml", "infra/*.yaml", "layers/core/**/*", "functions/**/*")


class BuildFailed(Exception):
    """`sam build` failed; the message has what it said."""


def machine() -> str:
    """This machine's processor, as Lambda names it."""
    return "arm64" if platform.machine().lower() in ("arm64", "aarch64") else "x86_64"


def sam_environment() -> dict[str, str]:
    """Ours, with the python3.13 that runs this first on PATH: SAM insists on one of that name."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PATH"] = f"{sys.base_prefix}/bin{os.pathsep}{environment.get('PATH', '')}"
    environment["SAM_CLI_TELEMETRY"] = "0"
    environment.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    return environment


def build(folder: Path = LOCAL, *, arch: str) -> bool:
    """Build into ``folder`` unless what is there is current; says whether it built. Raises BuildFailed."""
    with _alone():
        stamp = _stamp(folder)
        fingerprint = f"{arch} {_fingerprint()}"
        if stamp.exists() and stamp.read_text() == fingerprint and (folder / "template.yaml").exists():
            return False
        stamp.unlink(missing_ok=True)
        _sam_build(folder, arch)
        _prune(folder)
        _compile(folder)
        stamp.write_text(fingerprint)
    return True


def fingerprint_of(folder: Path) -> str:
    """What was built there: the same text for the same sources and processor."""
    return _stamp(folder).read_text()


def _stamp(folder: Path) -> Path:
    return folder.with_name(folder.name + ".stamp")


def _sam_build(folder: Path, arch: str) -> None:
    command = [
        str(SAM),
        "build",
        "--cached",
        "--parallel",
        "--cache-dir",
        str(ROOT / ".aws-sam" / "cache"),
        "--build-dir",
        str(folder),
        "--parameter-overrides",
        f"Arch={arch}",
    ]
    done = subprocess.run(
        command, cwd=ROOT, env=sam_environment(), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise BuildFailed(f"sam build failed:\n{done.stdout}{done.stderr}")


def _prune(folder: Path) -> None:
    for described in (folder / "Core" / "python" / "botocore" / "data").iterdir():
        if described.is_dir() and described.name not in SERVICES:
            shutil.rmtree(described)


def _compile(folder: Path) -> None:
    for artefact in sorted(path for path in folder.iterdir() if path.is_dir()):
        command = [
            sys.executable,
            *("-m", "compileall", "-q", "-j", "0", "--invalidation-mode", "unchecked-hash"),
            # Else the path on this machine would be in every file, and no two builds alike.
            *("-s", str(artefact)),
            str(artefact),
        ]
        done = subprocess.run(command, env=sam_environment(), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise BuildFailed(f"compiling {artefact.name} failed:\n{done.stdout}{done.stderr}")


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for pattern in _SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file() and path.suffix != ".pyc":
                digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


@contextmanager
def _alone() -> Iterator[None]:
    """One build at a time: `make run` and `make test` share a folder."""
    lock = ROOT / ".redshank" / "build.lock"
    lock.parent.mkdir(exist_ok=True)
    with lock.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield


def main() -> None:
    parser = argparse.ArgumentParser(description="Build what is shipped to Lambda.")
    parser.add_argument("--local", action="store_true", help="for this machine, into .redshank/build")
    parser.add_argument("--arch", choices=("arm64", "x86_64"), default="arm64")
    given = parser.parse_args()
    folder, arch = (LOCAL, machine()) if given.local else (_SHIPPED, given.arch)
    begun = time.monotonic()
    try:
        built = build(folder, arch=arch)
    except BuildFailed as failed:
        sys.exit(str(failed))
    where = folder.relative_to(ROOT)
    sys.stderr.write(
        f"built {where} for {arch} in {time.monotonic() - begun:.0f} s\n"
        if built
        else f"{where} is current\n"
    )


if __name__ == "__main__":
    main()
