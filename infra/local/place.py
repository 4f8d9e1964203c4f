"""Where is everything? A stand's folder, ports and addresses."""

from __future__ import annotations

import json
import os
import shlex
import socket
from dataclasses import asdict, dataclass
from pathlib import Path

import boto3

ROOT = Path(__file__).resolve().parents[2]
STACK = "redshank"
REGION = "us-east-1"
#: A day in ten seconds.
SPEED = 8640.0

_PREFERRED = {"api_port": 8620, "mailbox_port": 8625, "aws_port": 8626}


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    #: Folder for state, logs and pid files.
    state: Path
    api_port: int
    mailbox_port: int
    aws_port: int
    #: How many seconds pass on the stand's clock for each on the wall, and since when (wall seconds).
    speed: float
    since: int

    @property
    def api(self) -> str:
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def mailbox(self) -> str:
        return f"http://127.0.0.1:{self.mailbox_port}"

    @property
    def aws(self) -> str:
        return f"http://127.0.0.1:{self.aws_port}"

    @property
    def scripts_file(self) -> Path:
        """The addresses and keys, for scripts."""
        return self.state / "local.json"

    @property
    def shell_file(self) -> Path:
        """What a shell reads so that its commands, `redshank` above all, reach this stand."""
        return self.state / "local.env"

    def log(self, name: str) -> Path:
        return self.state / f"{name}.log"

    def aws_environment(self) -> dict[str, str]:
        """What an AWS SDK needs to talk to this stand, and to nothing else."""
        return {
            "AWS_ENDPOINT_URL": self.aws,
            "AWS_ENDPOINT_URL_SESV2": self.mailbox,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def session(self) -> boto3.Session:
        """Credentials that only this stand takes; each client still needs ``endpoint_url=place.aws``."""
        return boto3.Session(aws_access_key_id="test", aws_secret_access_key="test", region_name=REGION)

    def environment(self) -> dict[str, str]:
        """The caller's environment, pointed at this stand."""
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("AWS_", "REDSHANK_")) and name != "PYTHONDONTWRITEBYTECODE"
        }
        return {**kept, **self.aws_environment()}

    def write(self) -> None:
        values = {**asdict(self), "state": str(self.state)}
        _write(self.state / "stand.json", values)

    def read_for_scripts(self) -> dict[str, str]:
        """What tell wrote for scripts; empty when it has not yet."""
        try:
            values: dict[str, str] = json.loads(self.scripts_file.read_text())
        except FileNotFoundError:
            return {}
        return values

    def tell(self, *, write_key: str, manage_key: str) -> None:
        """The addresses and keys, for scripts and for a shell."""
        exported = self.aws_environment() | {"REDSHANK_STACK": STACK}
        lines = [
            "# For the `redshank` command of this checkout, and whatever else is to reach the local stand.",
            "unset AWS_PROFILE AWS_SESSION_TOKEN",
            *(f"export {name}={shlex.quote(value)}" for name, value in exported.items()),
            f'export PATH={shlex.quote(str(ROOT / ".venv" / "bin"))}:"$PATH"',
        ]
        _replace(self.shell_file, "\n".join(lines) + "\n")
        _write(
            self.scripts_file,
            {
                "api": self.api,
                "write_key": write_key,
                "manage_key": manage_key,
                "mailbox": self.mailbox,
                "aws_endpoint": self.aws,
                "region": REGION,
            },
        )


def load(state: Path) -> Place | None:
    """The stand that was set up in this folder, whether or not it runs."""
    try:
        values = json.loads((state / "stand.json").read_text())
    except FileNotFoundError:
        return None
    return Place(**{**values, "state": state})


def choose(state: Path, *, speed: float, since: int, preferred: bool = True) -> Place:
    """A new place with ports that are free: the usual ones if it can be."""
    state.mkdir(parents=True, exist_ok=True)
    ports = {}
    for name, usual in _PREFERRED.items():
        ports[name] = _free(usual) if preferred else _free(0)
    return Place(state=state, speed=speed, since=since, **ports)


def _free(port: int) -> int:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            probe.bind(("127.0.0.1", 0))
        number: int = probe.getsockname()[1]
        return number


def _write(path: Path, values: dict[str, object]) -> None:
    _replace(path, json.dumps(values, indent=2) + "\n")


def _replace(path: Path, text: str) -> None:
    """At once or not at all: a script may read while it is written."""
    partial = path.with_suffix(".partial")
    partial.write_text(text)
    partial.replace(path)
