"""What every function, queue and table must have, so that nobody forgets it when adding one."""

from __future__ import annotations

import pytest

from redshank import environment
from tests.infra.templates import Resource, functions, load, queues_of, resources

FUNCTIONS = functions()
QUEUES = resources("infra/storage.yaml", "AWS::SQS::Queue")
ALARMS = resources("infra/observability.yaml", "AWS::CloudWatch::Alarm")


def _alarmed(metric: str) -> set[str]:
    """What has an alarm on this metric, by the name in its first dimension."""
    return {
        alarm["Dimensions"][0]["Value"]["Fn::Sub"].removeprefix("${Stack}-")
        for alarm in ALARMS.values()
        if alarm["MetricName"] == metric
    }


def _name(queue: Resource) -> str:
    name: str = queue["QueueName"]["Fn::Sub"].removeprefix("${Stack}-")
    return name


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_a_role_and_a_log_group_of_its_own(name: str) -> None:
    function = FUNCTIONS[name]
    assert function["Role"] == {"Fn::GetAtt": f"Permissions.Outputs.{name}Role"}
    assert function["LoggingConfig"] == {"LogGroup": {"Fn::GetAtt": f"Permissions.Outputs.{name}Logs"}}
    assert "Policies" not in function
    group = resources("infra/permissions.yaml", "AWS::Logs::LogGroup")[f"{name}Logs"]
    assert group["RetentionInDays"] == {"Ref": "LogRetention"}
    assert group["LogGroupName"] == {"Fn::Sub": f"/aws/lambda/${{Stack}}-{name.lower()}"}
    assert function["FunctionName"] == {"Fn::Sub": f"${{AWS::StackName}}-{name.lower()}"}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_function_has_an_alarm_on_its_errors(name: str) -> None:
    assert name.lower() in _alarmed("Errors")


@pytest.mark.parametrize("name", FUNCTIONS)
def test_every_variable_of_a_function_is_one_that_is_read(name: str) -> None:
    asked: set[str] = set()

    class Variables(dict[str, str]):
        def get(self, key: str, default: str | None = None) -> str | None:  # type: ignore[override]
            asked.add(key)
            return super().get(key, default)

    environment.from_variables(Variables(REDSHANK_STACK="redshank"))
    given = {key for key in FUNCTIONS[name]["Variables"] if key.startswith("REDSHANK_")}
    assert given <= asked


@pytest.mark.parametrize("name", FUNCTIONS)
def test_queues_hide_a_message_for_six_times_as_long_as_its_function_may_take(name: str) -> None:
    for queue in queues_of(FUNCTIONS[name]):
        assert QUEUES[queue]["VisibilityTimeout"] >= 6 * FUNCTIONS[name]["Timeout"]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_one_bad_record_does_not_take_its_batch_with_it(name: str) -> None:
    for event in FUNCTIONS[name]["Events"].values():
        if event["Type"] == "SQS":
            assert event["Properties"]["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
            assert event["Properties"]["ScalingConfig"]["MaximumConcurrency"] >= 2


@pytest.mark.parametrize("queue", [name for name in QUEUES if name.endswith("Queue")])
def test_every_queue_has_dead_letters_and_alarms(queue: str) -> None:
    letters = queue.removesuffix("Queue") + "DeadLetters"
    redrive = QUEUES[queue]["RedrivePolicy"]
    assert redrive["deadLetterTargetArn"] == {"Fn::GetAtt": f"{letters}.Arn"}
    # Throttling and waits for a claim to settle use receives up too.
    assert redrive["maxReceiveCount"] >= 10
    assert _name(QUEUES[queue]) in _alarmed("ApproximateAgeOfOldestMessage")
    assert _name(QUEUES[letters]) in _alarmed("ApproximateNumberOfMessagesVisible")


@pytest.mark.parametrize("queue", QUEUES)
def test_queues_keep_what_failed_as_long_as_they_can_and_encrypted(queue: str) -> None:
    assert QUEUES[queue]["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert QUEUES[queue]["SqsManagedSseEnabled"] is True


@pytest.mark.parametrize("alarm", ALARMS)
def test_every_alarm_tells_somebody_and_says_what_to_do(alarm: str) -> None:
    assert ALARMS[alarm]["AlarmActions"] == [{"Ref": "AlarmTopic"}]
    assert ALARMS[alarm]["TreatMissingData"] == "notBreaching"
    assert len(ALARMS[alarm]["AlarmDescription"]) > 40


def test_whatever_holds_data_outlives_the_stack() -> None:
    for logical, resource in load("infra/storage.yaml")["Resources"].items():
        assert resource["DeletionPolicy"] == "Retain", logical
        assert resource["UpdateReplacePolicy"] == "Retain", logical


@pytest.mark.parametrize("table", resources("infra/storage.yaml", "AWS::DynamoDB::Table"))
def test_tables_are_on_demand_recoverable_and_encrypted(table: str) -> None:
    properties = resources("infra/storage.yaml", "AWS::DynamoDB::Table")[table]
    assert properties["TableName"] == {"Fn::Sub": f"${{Stack}}-{table.lower()}"}
    assert properties["BillingMode"] == "PAY_PER_REQUEST"
    assert properties["PointInTimeRecoverySpecification"]["PointInTimeRecoveryEnabled"] is True
    assert properties["SSESpecification"]["SSEEnabled"] is True


def test_the_bucket_is_private_encrypted_and_versioned() -> None:
    bucket = resources("infra/storage.yaml", "AWS::S3::Bucket")["Bucket"]
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert bucket["VersioningConfiguration"] == {"Status": "Enabled"}


def test_ses_reports_everything_it_can() -> None:
    destination = resources("infra/email.yaml", "AWS::SES::ConfigurationSetEventDestination")
    kinds = destination["EventDestination"]["EventDestination"]["MatchingEventTypes"]
    assert set(kinds) == {
        *("SEND", "REJECT", "BOUNCE", "COMPLAINT", "DELIVERY", "OPEN", "CLICK"),
        *("RENDERING_FAILURE", "DELIVERY_DELAY", "SUBSCRIPTION"),
    }
