"""Do the models that the functions use and the tables that are deployed agree?"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from tests.infra.templates import ROOT, resources

# In a process of its own: a model's table name is fixed when its module is first imported.
_DESCRIBE = """
import json
from pynamodb.models import Model
from redshank.store import tables

def of(schema):
    return {
        "keys": {key["AttributeName"]: key["KeyType"] for key in schema["key_schema"]},
        "types": {each["AttributeName"]: each["AttributeType"] for each in schema["attribute_definitions"]},
        "indexes": {
            index["index_name"]: {
                "keys": {key["AttributeName"]: key["KeyType"] for key in index["key_schema"]},
                "projection": index["projection"]["ProjectionType"],
            }
            for index in schema["global_secondary_indexes"]
        },
    }

print(json.dumps([
    {"table": model.Meta.table_name, **of(model._get_schema())}
    for model in vars(tables).values()
    if isinstance(model, type) and issubclass(model, tables.Kept) and model is not tables.Kept
]))
"""


def _models() -> list[dict[str, Any]]:
    environment = {
        **os.environ,
        "REDSHANK_STACK": "${Stack}",
        "AWS_DEFAULT_REGION": "us-east-1",
        "PYTHONPATH": str(ROOT / "layers" / "core"),
    }
    done = subprocess.run(
        [sys.executable, "-c", _DESCRIBE], env=environment, capture_output=True, text=True, check=True
    )
    described: list[dict[str, Any]] = json.loads(done.stdout)
    return described


def _tables() -> dict[str, dict[str, Any]]:
    return {
        table["TableName"]["Fn::Sub"]: table
        for table in resources("infra/storage.yaml", "AWS::DynamoDB::Table").values()
    }


def _keys(schema: list[dict[str, str]]) -> dict[str, str]:
    return {key["AttributeName"]: key["KeyType"] for key in schema}


def test_every_model_has_the_keys_and_key_types_of_its_table() -> None:
    tables, models = _tables(), _models()
    assert models
    for model in models:
        table = tables[model["table"]]
        assert model["keys"] == _keys(table["KeySchema"]), model["table"]
        types = {each["AttributeName"]: each["AttributeType"] for each in table["AttributeDefinitions"]}
        assert model["types"].items() <= types.items(), model["table"]


def test_every_index_of_a_model_is_deployed_and_every_deployed_one_is_used() -> None:
    declared: dict[tuple[str, str], Any] = {
        (model["table"], name): index for model in _models() for name, index in model["indexes"].items()
    }
    deployed = {
        (name, index["IndexName"]): {
            "keys": _keys(index["KeySchema"]),
            "projection": index["Projection"]["ProjectionType"],
        }
        for name, table in _tables().items()
        for index in table.get("GlobalSecondaryIndexes", ())
    }
    assert declared == deployed
