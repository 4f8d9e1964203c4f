"""`make run` and `make stop`, step by step. Each step says what it does before it does it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from infra import artefacts
from infra.local import deployment, stand
from infra.local import place as places
from infra.local.place import ROOT, STACK, Place
from infra.local.processes import Daemon

_REDSHANK = ROOT / ".venv" / "bin" / "redshank"


class CommandFailed(Exception):
    """The `redshank` command failed; the message has what it said."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Keys:
    write: str
    manage: str


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


@contextmanager
def _step(text: str) -> Iterator[None]:
    print(f"{text} ... ", end="", file=sys.stderr, flush=True)
    begun = time.monotonic()
    try:
        yield
    except BaseException:
        say("failed")
        raise
    say(f"{time.monotonic() - begun:.0f} s")


def server_daemon(place: Place) -> Daemon:
    return Daemon(state=place.state, name="server")


def start(
    state: Path, *, book: str, speed: float = places.SPEED, preferred_ports: bool = True
) -> tuple[Place, Keys]:
    """Start a stand in this folder, or bring the one that runs up to date; returns where it is.

    Raises BuildFailed, DidNotStart, DeployFailed and CommandFailed; what it had started is stopped then.
    """
    with _step("building what is shipped (20 s the first time)"):
        artefacts.build(arch=artefacts.machine())
    place = _running(state)
    if place is not None:
        try:
            _deploy(place)
        except deployment.DeployFailed as failed:
            # ministack updates less than AWS does. What it cannot update it can make anew.
            (state / "update-failed.log").write_text(str(failed))
            say(f"it could not be updated (see {state / 'update-failed.log'}), so it starts afresh")
            place = None
    if place is None:
        stop(state)
        place = places.choose(state, speed=speed, since=int(time.time()), preferred=preferred_ports)
        place.write()
        try:
            _start(place)
            _deploy(place)
            keys = _apply(place, book)
        except BaseException:
            stop(state)
            raise
    else:
        keys = _apply(place, book)
    place.tell(write_key=keys.write, manage_key=keys.manage)
    return place, keys


def _start(place: Place) -> None:
    with _step("starting ministack, the SES fake and the mailbox"):
        stand.start(place)
        _start_server(place)


def _deploy(place: Place) -> None:
    """Deploy what was built, unless it is what this stand has."""
    deployed, built = place.state / "deployed", artefacts.fingerprint_of(artefacts.LOCAL)
    if deployed.exists() and deployed.read_text() == built:
        return
    deployed.unlink(missing_ok=True)
    with _step("deploying the template with sam deploy (10 s)"):
        deployment.deploy(place)
    deployed.write_text(built)


def _apply(place: Place, book: str) -> Keys:
    with _step(f"applying {book}"):
        _redshank(place, "apply", book, "--stack", STACK)
        keys = _keys(place)
    # Not before: without a book and its keys there is little to load.
    with _step("warming the functions up"):
        deployment.warm(place)
    return keys


def stop(state: Path) -> bool:
    """End what was started in this folder, and say whether anything ran."""
    place = places.load(state)
    if place is None:
        return False
    ran = [server_daemon(place).stop(), stand.daemon(place).stop()]
    # Each worker had unpacked the layer there.
    shutil.rmtree(state / "tmp", ignore_errors=True)
    for left in (place.scripts_file, place.shell_file, state / "deployed"):
        left.unlink(missing_ok=True)
    return any(ran)


def is_running(state: Path) -> bool:
    return _running(state) is not None


def _running(state: Path) -> Place | None:
    place = places.load(state)
    if place is None or stand.daemon(place).pid() is None or server_daemon(place).pid() is None:
        return None
    return place


def _start_server(place: Place) -> None:
    process = server_daemon(place)
    environment = place.environment() | {
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "layers" / "core"))),
        "PYTHONUNBUFFERED": "1",
    }
    command = [sys.executable, "-m", "infra.local", "--state", str(place.state), "serve"]
    process.start(command, environment, cwd=ROOT)
    process.wait_until(lambda: _answers(f"{place.mailbox}/count"), seconds=30)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, TimeoutError, ConnectionError):
        return False


def _keys(place: Place) -> Keys:
    """Keys for this machine: those that were made when the stand was."""
    known = place.read_for_scripts()
    if known:
        return Keys(write=known["write_key"], manage=known["manage_key"])
    return Keys(
        write=_redshank(place, "keys", "create", "local-write", "--scope", "write", "--stack", STACK),
        manage=_redshank(place, "keys", "create", "local-manage", "--scope", "manage", "--stack", STACK),
    )


def _redshank(place: Place, *arguments: str) -> str:
    done = subprocess.run(
        [str(_REDSHANK), *arguments],
        cwd=ROOT,
        env=place.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise CommandFailed(f"redshank {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout.strip()
