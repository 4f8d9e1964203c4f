"""``python -m infra.local run | stop | status``: what `make run` and `make stop` call."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from infra import artefacts
from infra.local import deployment, run, server
from infra.local.place import ROOT, STACK, Place, load
from infra.local.processes import DidNotStart

_BOOK = "examples/activation"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m infra.local", description="The local stand.")
    parser.add_argument("--state", type=Path, default=ROOT / ".redshank", help="folder of its state and logs")
    commands = parser.add_subparsers(dest="command", required=True)
    running = commands.add_parser("run", help="start it, or bring it up to date")
    running.add_argument("--book", default=_BOOK, help="the folder of the book to apply")
    commands.add_parser("stop", help="end it")
    commands.add_parser("logs", help="what the functions have logged")
    commands.add_parser("serve", help="the process beside ministack (started by run)")
    given = parser.parse_args()
    match given.command:
        case "serve":
            server.main(given.state)
        case "logs":
            return _logs(given.state)
        case "stop":
            run.say("stopped" if run.stop(given.state) else "nothing was running")
        case _:
            try:
                place, keys = run.start(given.state, book=given.book)
            except (
                artefacts.BuildFailed,
                deployment.DeployFailed,
                run.CommandFailed,
                DidNotStart,
            ) as failed:
                run.say(f"\n{failed}")
                return 1
            print(_what_next(place, keys.write))
    return 0


def _logs(state: Path) -> int:
    place = load(state)
    if place is None or not run.is_running(state):
        run.say("nothing is running: make run")
        return 1
    client = place.session().client("logs", endpoint_url=place.aws)
    lines = [
        (event["timestamp"], group["logGroupName"].rpartition("-")[2], event["message"].rstrip())
        for group in client.describe_log_groups(logGroupNamePrefix=f"/aws/lambda/{STACK}-")["logGroups"]
        for page in client.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"])
        for event in page["events"]
    ]
    for at, function, message in sorted(lines):
        moment = datetime.fromtimestamp(at / 1000, UTC)
        print(f"{moment:%H:%M:%S} {function:<12} {message}")
    return 0


def _what_next(place: Place, key: str) -> str:
    day = 86400 / place.speed
    return f"""
Redshank runs on this machine; a day passes in {day:g} seconds. Sign somebody up:

  curl -u {key}: {place.api}/v1/batch -H 'content-type: application/json' -d '{{"batch": [
    {{"type": "identify", "userId": "ann", "traits": {{"email": "ann@example.com", "first_name": "Ann"}}}},
    {{"type": "track", "userId": "ann", "event": "signed_up"}}]}}'

The welcome is in the mailbox within seconds, the next emails follow over ten days:  {place.mailbox}
There, open, click, bounce or report one. Ann activates, and the sequence ends:  event "product_activated", as above.

For the `redshank` command, in this shell:  . {_shown(place.shell_file)}    then, for example:  redshank explain ann
Addresses and keys for scripts: {_shown(place.scripts_file)}. New code: make run again. End: make stop"""


def _shown(path: Path) -> str:
    """From here, where that is shorter."""
    try:
        return f"./{path.relative_to(Path.cwd())}"
    except ValueError:
        return str(path)


if __name__ == "__main__":
    sys.exit(main())
