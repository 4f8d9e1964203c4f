"""How does the template get onto the stand? The same `sam deploy` as onto AWS."""

from __future__ import annotations

import subprocess

from infra import artefacts
from infra.local import routes
from infra.local.place import ROOT, STACK, Place

_BUCKET = "redshank-deployments"
#: Any verified domain will do here; the SES fake asks for none.
_SENDER = "example.com"


class DeployFailed(Exception):
    """`sam deploy` failed; the message has what it said."""


def deploy(place: Place) -> None:
    """Deploy what artefacts.build built; raises DeployFailed."""
    place.session().client("s3", endpoint_url=place.aws).create_bucket(Bucket=_BUCKET)
    parameters = {
        "Arch": artefacts.machine(),
        "SenderIdentity": _SENDER,
        "PublicUrl": place.api,
        "ClockSpeed": f"{place.speed:g}",
        "ClockSince": str(place.since),
    }
    command = [
        str(artefacts.SAM),
        "deploy",
        "--template-file",
        str(artefacts.LOCAL / "template.yaml"),
        "--stack-name",
        STACK,
        "--no-resolve-s3",
        "--s3-bucket",
        _BUCKET,
        "--no-confirm-changeset",
        "--no-fail-on-empty-changeset",
        "--capabilities",
        "CAPABILITY_IAM",
        "CAPABILITY_AUTO_EXPAND",
        "--parameter-overrides",
        *(f"{name}={value}" for name, value in parameters.items()),
    ]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**artefacts.sam_environment(), **place.aws_environment()},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        raise DeployFailed(f"sam deploy failed:\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    routes.make(place)
