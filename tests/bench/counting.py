"""What would AWS bill for these calls? DynamoDB Local reports most of it; what it reports as nothing is added.

AWS bills the read of an item that is not there (half a unit, or one if strongly consistent), a write whose
condition failed, by the item's size, and two units for each KB of each item that a transaction writes (Amazon
DynamoDB Developer Guide: "Read and write operations", "Condition expressions", "DynamoDB transactions"). DynamoDB
Local reports nothing for the first two, and too little for transactions that touch no index.
"""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Iterable, Mapping
from math import ceil
from typing import Any

_READS = frozenset({"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"})
_FAILED = "ConditionalCheckFailedException"


def units(operation: str, params: Mapping[str, Any], answer: Mapping[str, Any]) -> tuple[float, float]:
    """(read units, write units) that AWS bills for one call of DynamoDB."""
    used = sum(float(it.get("CapacityUnits", 0)) for it in _consumed(answer))
    if operation in _READS:
        return _read(operation, params, answer, used), 0.0
    if operation == "TransactWriteItems":
        written = sum(_write_units(next(iter(it.values()))) for it in params["TransactItems"])
        return 0.0, 2 * written + sum(map(_index_units, _consumed(answer)))
    if operation == "BatchExecuteStatement":
        # DynamoDB Local reports nothing; ours write one item each.
        sizes = (
            item_bytes({str(at): value for at, value in enumerate(it["Parameters"])})
            for it in params["Statements"]
        )
        return 0.0, max(used, sum(max(1, ceil(size / 1024)) for size in sizes))
    if answer.get("Error", {}).get("Code") == _FAILED:
        return 0.0, max(used, _write_units(params))
    return 0.0, used


def _read(operation: str, params: Mapping[str, Any], answer: Mapping[str, Any], used: float) -> float:
    least = 1.0 if params.get("ConsistentRead") else 0.5
    match operation:
        case "GetItem":
            return max(used, least)
        case "Query":
            return max(used, least)
        case "BatchGetItem":
            left = answer.get("UnprocessedKeys", {})
            for table, asked in params["RequestItems"].items():
                found = len(answer.get("Responses", {}).get(table, ()))
                absent = len(asked["Keys"]) - found - len(left.get(table, {}).get("Keys", ()))
                used += absent * (1.0 if asked.get("ConsistentRead") else 0.5)
    return used


def _consumed(answer: Mapping[str, Any]) -> Iterable[Mapping[str, Any]]:
    said = answer.get("ConsumedCapacity")
    if said is None:
        return ()
    return said if isinstance(said, list) else (said,)


def _index_units(consumed: Mapping[str, Any]) -> float:
    return sum(float(it["CapacityUnits"]) for it in consumed.get("GlobalSecondaryIndexes", {}).values())


def _write_units(params: Mapping[str, Any]) -> int:
    """By the item that was to be written; an update's is not in the request, and ours are below 1 KB."""
    return max(1, ceil(item_bytes(params.get("Item", {})) / 1024))


def item_bytes(item: Mapping[str, Mapping[str, Any]]) -> int:
    """About an item's size as DynamoDB counts it: names and values."""
    size = 0
    for name, typed in item.items():
        kind, value = next(iter(typed.items()))
        size += len(name.encode())
        match kind:
            case "B":
                size += len(value)
            case "S":
                size += len(value.encode())
            case "N":
                size += len(str(value).lstrip("-")) // 2 + 2
            case _:
                size += len(json.dumps(value, default=str))
    return size


class Counts:
    """The calls of one process, counted by hooks on every botocore session; for threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counts: Counter[str] = Counter()

    def install(self) -> None:
        import botocore

        botocore.register_initializer(self._hook)

    def _hook(self, session: Any) -> None:
        session.register("before-parameter-build.*.*", self._before)
        session.register("before-send.*.*", self._sent)
        session.register("after-call.*.*", self._after)

    def _before(self, params: Any, context: dict[str, Any], **_: Any) -> None:
        context["bench_params"] = params
        if "ReturnConsumedCapacity" in params:
            params["ReturnConsumedCapacity"] = "INDEXES"

    def _sent(self, event_name: str, **_: Any) -> None:
        with self._lock:
            self._counts["http:" + event_name.split(".")[1]] += 1

    def _after(self, event_name: str, parsed: Any, context: dict[str, Any], **_: Any) -> None:
        service, operation = event_name.split(".")[1:3]
        with self._lock:
            self._counts[f"call:{service}:{operation}"] += 1
        if service == "dynamodb":
            read, write = units(operation, context["bench_params"], parsed)
            failed = parsed.get("Error", {}).get("Code")
            with self._lock:
                self._counts["read"] += read  # type: ignore[assignment]
                self._counts["write"] += write  # type: ignore[assignment]
                for table in _tables(context["bench_params"]):
                    self._counts[f"units:{operation}:{table}"] += read + write  # type: ignore[assignment]
                if failed:
                    self._counts[f"error:{operation}:{failed}"] += 1

    def so_far(self) -> dict[str, float]:
        with self._lock:
            return dict(self._counts)


def _tables(params: Mapping[str, Any]) -> Iterable[str]:
    """The table of a call, or of its first item: our batches and transactions are of one table."""
    if "TableName" in params:
        return (params["TableName"].rpartition("-")[2],)
    if "RequestItems" in params:
        return (next(iter(params["RequestItems"])).rpartition("-")[2],)
    if "Statements" in params:
        return (params["Statements"][0]["Statement"].split('"')[1].rpartition("-")[2],)
    first = params["TransactItems"][0]
    return (next(iter(first.values()))["TableName"].rpartition("-")[2],)
