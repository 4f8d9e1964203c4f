"""May each function do what it does, and no more? The stand, which checks every call, proves the first half."""

from __future__ import annotations

import pytest

from tests.infra.templates import functions, resources

ROLES = resources("infra/permissions.yaml", "AWS::IAM::Role")
#: SendMessage and SendMessageBatch are one permission on AWS: see infra/permissions.yaml.
STARS = {"sqs:SendMessage*", "sqs:DeleteMessage*", "sqs:ChangeMessageVisibility*"}


def _statements(role: str) -> list[tuple[list[str], list[str]]]:
    """Actions and resources of a role."""
    found = []
    for policy in ROLES[role]["Policies"]:
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Allow"
            actions, where = statement["Action"], statement["Resource"]
            found.append(
                (
                    [actions] if isinstance(actions, str) else actions,
                    [each["Fn::Sub"] for each in (where if isinstance(where, list) else [where])],
                )
            )
    return found


def test_there_is_one_role_for_each_function_and_none_besides() -> None:
    assert set(ROLES) == {f"{name}Role" for name in functions()}


@pytest.mark.parametrize("role", ROLES)
def test_only_lambda_may_take_a_role(role: str) -> None:
    assert ROLES[role]["AssumeRolePolicyDocument"]["Statement"] == [
        {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    ]
    assert "ManagedPolicyArns" not in ROLES[role]


@pytest.mark.parametrize("role", ROLES)
def test_actions_and_resources_are_named(role: str) -> None:
    for actions, where in _statements(role):
        for action in actions:
            assert action in STARS or "*" not in action
        for resource in where:
            # Books by their prefix; the streams of a log group are below it.
            named = resource.removesuffix("/books/*").removesuffix(":*")
            assert "*" not in named, f"{actions} on {resource}"
            assert (
                "${Stack}" in named
                or "${Bucket}" in named
                or "${SenderIdentity}" in named
                or "${ConfigurationSet}" in named
                or "${EventBus}" in named
            )


@pytest.mark.parametrize("role", ROLES)
def test_what_a_role_names_exists(role: str) -> None:
    tables = {
        table["TableName"]["Fn::Sub"]
        for table in resources("infra/storage.yaml", "AWS::DynamoDB::Table").values()
    }
    queues = {
        queue["QueueName"]["Fn::Sub"] for queue in resources("infra/storage.yaml", "AWS::SQS::Queue").values()
    }
    for _, where in _statements(role):
        for resource in where:
            if ":dynamodb:" in resource:
                assert resource.partition(":table/")[2].partition("/")[0] in tables
            elif ":sqs:" in resource:
                assert resource.rpartition(":")[2] in queues
