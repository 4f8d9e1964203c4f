"""One cold start, timed from within: run by ``cold`` as a script, so that nothing is imported that a function
would not import itself.

    python -P tests/bench/starting.py bare|baseline|FUNCTION [MODELS WIRED]    an event, or nothing, on standard input
"""

import sys
import time

clients: list[str] = []
moments = {"running": time.monotonic(), "running_cpu": time.process_time()}


def note(moment: str) -> None:
    moments[moment] = time.monotonic()
    moments[f"{moment}_cpu"] = time.process_time()


def baseline() -> None:
    import boto3

    note("imported")
    boto3.client("dynamodb")
    note("ready")


def function(name: str, models: list[str], wired: list[str]) -> None:
    import importlib

    folder = __file__.rpartition("/tests/")[0] + f"/functions/{name}"
    sys.path.insert(0, folder)
    handler = importlib.import_module("app").handler
    note("imported")

    from redshank import wiring

    # What the first event would make: ports, and a client where a table has one of its own.
    for made in wired:
        getattr(wiring, made)()
    tables = importlib.import_module("redshank.store.tables") if models else None
    foreseen = [getattr(tables, model)._get_connection().connection.client for model in models]
    note("ready")

    import json

    handler(json.load(sys.stdin), None)
    note("answered")
    for model in vars(tables).values() if tables else ():
        connection = getattr(model, "_connection", None)
        client = connection.connection._client if connection else None
        if client is not None and not any(client is it for it in foreseen):
            clients.append(model.__name__)


match sys.argv[1]:
    case "bare":
        pass
    case "baseline":
        baseline()
    case name:
        function(name, sys.argv[2].split(), sys.argv[3].split())

print("\n\nclients", " ".join(clients) or "-")
print("\n".join(f"{moment} {at!r}" for moment, at in moments.items()))
