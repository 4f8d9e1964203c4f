"""AWS on this machine: ministack, in the environment of its own that the Makefile made."""

from __future__ import annotations

import os
from urllib.error import URLError
from urllib.request import urlopen

from infra.local.place import REGION, ROOT, Place
from infra.local.processes import Daemon

_PROGRAM = ROOT / ".venv-stand" / "bin" / "ministack"
#: What a handler may see of the caller's environment; a Lambda function has none of it.
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "SSL_CERT_FILE", "SSL_CERT_DIR")


def daemon(place: Place) -> Daemon:
    return Daemon(state=place.state, name="ministack")


def start(place: Place) -> None:
    """Start it and wait until it answers; raises DidNotStart."""
    temporary = place.state / "tmp"
    temporary.mkdir(exist_ok=True)
    environment = {
        **{name: os.environ[name] for name in _KEPT if name in os.environ},
        **place.aws_environment(),
        "GATEWAY_PORT": str(place.aws_port),
        # Its own default listens on every interface.
        "BIND_HOST": "127.0.0.1",
        # The host in queue URLs.
        "MINISTACK_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        # Calls are checked against the roles of infra/permissions.yaml, as on AWS.
        "AUTH": "true",
        "SFTP_ENABLED": "0",
        "TMPDIR": str(temporary),
        "PYTHONUNBUFFERED": "1",
    }
    process = daemon(place)
    process.start([str(_PROGRAM)], environment, cwd=temporary)
    process.wait_until(lambda: _answers(f"{place.aws}/_ministack/health"), seconds=30)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as answer:
            return bool(answer.status == 200)
    except (URLError, TimeoutError, ConnectionError):
        return False
