"""How does the template get onto the stand? The same `sam deploy` as onto AWS."""

from __future__ import annotations

import subprocess
from concurrent.futures import ThreadPoolExecutor

from infra import artefacts
from infra.local import routes
from infra.local.place import ROOT, STACK, Place

_BUCKET = "redshank-deployments"
#: Any verified domain will do here; the SES fake asks for none.
_SENDER = "example.com"
_CONCURRENCY = 2


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
    _narrow(place)


def _narrow(place: Place) -> None:
    """Few workers at once: ministack makes a batch of every message, unpacks the layer for each worker anew, and
    a burst of them would take a small machine minutes."""
    functions = place.session().client("lambda", endpoint_url=place.aws)
    for mapping in functions.list_event_source_mappings()["EventSourceMappings"]:
        functions.update_event_source_mapping(
            UUID=mapping["UUID"], ScalingConfig={"MaximumConcurrency": _CONCURRENCY}
        )


def warm(place: Place) -> None:
    """Call each function with nothing to do: who tries things out should not wait for cold starts.

    What a function answers to nothing is its own affair: it has started.
    """
    functions = place.session().client("lambda", endpoint_url=place.aws)
    sources = functions.list_event_source_mappings()["EventSourceMappings"]

    def call(function: str) -> None:
        functions.invoke(FunctionName=function, Payload=b'{"Records": []}')

    with ThreadPoolExecutor() as pool:
        list(pool.map(call, sorted({source["FunctionArn"] for source in sources})))
