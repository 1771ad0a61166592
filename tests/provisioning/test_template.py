"""The template as a promise: what the embedded cloud would let pass, and AWS would not forgive."""

import re

import pytest
from stock_projector import handler

from pipeline.paths import ROOT
from pipeline.provisioning.template import Template, load

PATH = ROOT / "infra" / "stack.yaml"
TEXT = PATH.read_text()


BODY = load(TEXT)
PARAMETERS, RESOURCES, OUTPUTS = BODY["Parameters"], BODY["Resources"], BODY["Outputs"]
CONTRACT_OUTPUTS = {
    "StreamName", "PipeName", "ProjectorName", "StockTableName", "QuarantineTableName", "DeadLetterQueueUrl",
    "ArtifactBucketName",
}  # fmt: skip


def only(resource_type):
    [(name, resource)] = [(name, each) for name, each in RESOURCES.items() if each["Type"] == resource_type]
    return name, resource["Properties"]


def all_of(resource_type):
    return {name: each["Properties"] for name, each in RESOURCES.items() if each["Type"] == resource_type}


def source():
    return only("AWS::Pipes::Pipe")[1]["SourceParameters"]["KinesisStreamParameters"]


def default(parameter):
    return PARAMETERS[parameter]["Default"]


def value_of(setting):
    """Return what a setting is when nobody says otherwise."""
    return default(setting["Ref"]) if isinstance(setting, dict) else setting


def statements(role):
    return [
        each for policy in RESOURCES[role]["Properties"]["Policies"] for each in policy["PolicyDocument"]["Statement"]
    ]


def listed(value):
    return value if isinstance(value, list) else [value]


def test_no_rule_of_cfn_lint_is_switched_off():
    assert "cfn-lint" not in BODY.get("Metadata", {})
    assert not any("cfn-lint" in str(each.get("Metadata", "")) for each in RESOURCES.values())
    assert not list(ROOT.glob(".cfnlintrc*"))


# ── source and pipe ──


def test_the_stream_is_encrypted():
    encryption = only("AWS::Kinesis::Stream")[1]["StreamEncryption"]
    assert encryption == {"EncryptionType": "KMS", "KeyId": "alias/aws/kinesis"}


def test_the_pipe_starts_at_the_beginning_of_the_stream():
    assert source()["StartingPosition"] == "TRIM_HORIZON"


def test_the_pipe_gives_up_some_day_and_says_so_in_the_dead_letter_queue():
    retries = source()["MaximumRetryAttempts"]["Ref"]
    assert 0 <= PARAMETERS[retries]["MinValue"] <= default(retries) <= PARAMETERS[retries]["MaxValue"] <= 10_000
    assert source()["DeadLetterConfig"] == {"Arn": {"Fn::GetAtt": ["DeadLetterQueue", "Arn"]}}


def test_a_record_is_given_up_before_the_stream_forgets_it():
    age = source()["MaximumRecordAgeInSeconds"]["Ref"]
    assert PARAMETERS[age]["MinValue"] >= 60, "never -1, which is for ever"
    assert default(age) < default("RetentionHours") * 3600
    assert default(age) < PARAMETERS["RetentionHours"]["MinValue"] * 3600, "even at the shortest retention"
    assert PARAMETERS[age]["MaxValue"] <= 604_800


def test_a_failed_batch_is_halved_until_the_bad_record_stands_alone():
    assert source()["OnPartialBatchItemFailure"] == "AUTOMATIC_BISECT"


def test_the_pipe_waits_for_the_answer_that_names_the_records_to_retry():
    _, pipe = only("AWS::Pipes::Pipe")
    assert pipe["TargetParameters"]["LambdaFunctionParameters"]["InvocationType"] == "REQUEST_RESPONSE"


def test_the_pipe_has_no_filter_because_a_filter_drops_without_a_trace():
    assert "FilterCriteria" not in only("AWS::Pipes::Pipe")[1]["SourceParameters"]
    assert "Enrichment" not in only("AWS::Pipes::Pipe")[1]


# ── compute ──


def test_the_projector_runs_the_handler_of_the_contract():
    assert only("AWS::Lambda::Function")[1]["Handler"] == "stock_projector.handler.handler"


def test_the_logs_are_kept_for_a_while_and_not_for_ever():
    logs = all_of("AWS::Logs::LogGroup")
    assert logs.keys() == {"PipeLog", "ProjectorLog"}
    assert all(log["RetentionInDays"] == {"Ref": "LogRetentionDays"} for log in logs.values())
    assert only("AWS::Lambda::Function")[1]["LoggingConfig"]["LogGroup"] == {"Ref": "ProjectorLog"}


def test_the_pipe_logs_what_fails_and_never_the_events():
    log = only("AWS::Pipes::Pipe")[1]["LogConfiguration"]
    assert log["CloudwatchLogsLogDestination"] == {"LogGroupArn": {"Fn::GetAtt": ["PipeLog", "Arn"]}}
    assert log["Level"] == "ERROR" and "IncludeExecutionData" not in log


def test_the_projector_has_one_answer_or_a_lost_one_within_the_shortest_time_out(monkeypatch):
    for name in ("STOCK_TABLE_NAME", "QUARANTINE_TABLE_NAME"):
        monkeypatch.setenv(name, "any")
    monkeypatch.setenv("QUARANTINE_DAYS", "1")
    made = {}
    monkeypatch.setattr(handler.boto3, "client", lambda service, config: made.setdefault(service, config))
    handler._tables.__wrapped__()
    config = made["dynamodb"]
    assert config.connect_timeout + config.read_timeout < PARAMETERS["ProjectorTimeoutSeconds"]["MinValue"]


def test_the_projector_learns_everything_by_name_from_the_template():
    variables = only("AWS::Lambda::Function")[1]["Environment"]["Variables"]
    rebuilt = {"Ref": "RebuiltTableName"}
    assert variables["STOCK_TABLE_NAME"] == {"Fn::If": ["HasRebuiltTable", rebuilt, {"Ref": "StockTable"}]}
    assert variables["QUARANTINE_TABLE_NAME"] == {"Ref": "QuarantineTable"}
    assert variables["QUARANTINE_DAYS"] == {"Ref": "QuarantineDays"}


def test_the_projector_and_the_pipe_come_once_there_is_code_and_all_else_before():
    conditional = {name for name, each in RESOURCES.items() if each.get("Condition") == "HasCode"}
    assert conditional == {"StockPipe", "PipeRole", "Projector", "ProjectorRole"}


# ── state ──


INDEXED = ["shard_id", "quarantined_at"]  # what the quarantine is listed by


def test_both_tables_are_encrypted_recoverable_and_on_demand_and_only_the_quarantine_forgets():
    tables = all_of("AWS::DynamoDB::Table")
    assert tables.keys() == {"StockTable", "QuarantineTable"}
    for name, key, of_an_index in (("StockTable", "product_id", []), ("QuarantineTable", "record_id", INDEXED)):
        table = tables[name]
        assert table["SSESpecification"] == {"SSEEnabled": True}
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
        assert table["BillingMode"] == "PAY_PER_REQUEST"
        assert table["KeySchema"] == [{"AttributeName": key, "KeyType": "HASH"}]
        names = [each["AttributeName"] for each in table["AttributeDefinitions"] if each["AttributeType"] == "S"]
        assert names == [key, *of_an_index]
    assert "TimeToLiveSpecification" not in tables["StockTable"], "nothing about a product may depend on a clock"
    assert tables["QuarantineTable"]["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}


# ── failure ──


def test_the_queue_is_encrypted_and_keeps_its_messages_as_long_as_sqs_can():
    name, queue = only("AWS::SQS::Queue")
    assert name == "DeadLetterQueue"
    assert queue["SqsManagedSseEnabled"] is True
    assert queue["MessageRetentionPeriod"] == 14 * 24 * 3600
    assert "FifoQueue" not in queue


def test_the_bucket_is_encrypted_and_closed():
    _, bucket = only("AWS::S3::Bucket")
    [rule] = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] in ("AES256", "aws:kms")
    assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket["PublicAccessBlockConfiguration"]) == 4


# ── who may do what ──

ROLES = {
    "PipeRole": {
        ("kinesis:DescribeStream", "EventStream"),
        ("kinesis:DescribeStreamSummary", "EventStream"),
        ("kinesis:GetRecords", "EventStream"),
        ("kinesis:GetShardIterator", "EventStream"),
        ("kinesis:ListShards", "EventStream"),
        ("lambda:InvokeFunction", "Projector"),
        ("sqs:SendMessage", "DeadLetterQueue"),
    },
    "ProjectorRole": {
        ("dynamodb:BatchGetItem", "StockTable"),
        ("dynamodb:PartiQLInsert", "StockTable"),
        ("dynamodb:PartiQLUpdate", "StockTable"),
        ("dynamodb:PartiQLInsert", "QuarantineTable"),
        ("logs:CreateLogStream", "ProjectorLog"),
        ("logs:PutLogEvents", "ProjectorLog"),
    },
}


REBUILT = "arn:${AWS::Partition}:dynamodb:${AWS::Region}:${AWS::AccountId}:table/${RebuiltTableName}"


def of_the_template(resource):
    """Return what a statement is about as long as no rebuilt table is in use; that one is named in full."""
    match resource:
        case {"Fn::If": ["HasRebuiltTable", {"Fn::Sub": name}, otherwise]} if name == REBUILT:
            return otherwise
    return resource


@pytest.mark.parametrize("role", ROLES)
def test_a_role_may_do_what_it_needs_and_nothing_else(role):
    allowed = {
        (action, resource["Fn::GetAtt"][0])
        for each in statements(role)
        for action in listed(each["Action"])
        for resource in map(of_the_template, listed(each["Resource"]))
    }
    assert allowed == ROLES[role]
    assert {each["Effect"] for each in statements(role)} == {"Allow"}


def test_there_is_no_wildcard_in_any_policy():
    for name in all_of("AWS::IAM::Role"):
        for each in statements(name):
            assert "*" not in str(each["Action"]) and "*" not in str(each["Resource"])
            resources = map(of_the_template, listed(each["Resource"]))
            assert all(resource.keys() == {"Fn::GetAtt"} for resource in resources)
        assert "ManagedPolicyArns" not in RESOURCES[name]["Properties"]


@pytest.mark.parametrize(
    ("role", "service"), [("PipeRole", "pipes.amazonaws.com"), ("ProjectorRole", "lambda.amazonaws.com")]
)
def test_a_role_trusts_its_service_only(role, service):
    [statement] = RESOURCES[role]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Principal"] == {"Service": service}
    assert statement["Action"] == "sts:AssumeRole"


def test_nobody_elses_pipe_may_borrow_the_pipes_role():
    [statement] = RESOURCES["PipeRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"] == {"StringEquals": {"aws:SourceAccount": {"Ref": "AWS::AccountId"}}}


def test_the_permissions_are_in_the_roles_themselves_so_that_the_pipe_has_them_when_it_is_made():
    assert not all_of("AWS::IAM::Policy") and not all_of("AWS::IAM::ManagedPolicy")


# ── the template as a document ──


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_described_and_has_a_default_and_bounds(name):
    parameter = PARAMETERS[name]
    assert len(parameter["Description"]) > 20
    assert "Default" in parameter
    bounded = {"MinValue", "MaxValue"} <= parameter.keys() or {"AllowedValues", "AllowedPattern"} & parameter.keys()
    assert bounded
    if "MinValue" in parameter:
        assert parameter["MinValue"] <= parameter["Default"] <= parameter["MaxValue"]
    if "AllowedValues" in parameter:
        assert parameter["Default"] in parameter["AllowedValues"]
    if "AllowedPattern" in parameter:
        assert re.fullmatch(parameter["AllowedPattern"], parameter["Default"])


@pytest.mark.parametrize("name", PARAMETERS)
def test_every_parameter_is_used(name):
    assert re.search(rf"!Ref {name}\b|\$\{{{name}\}}", TEXT)


def test_nothing_has_a_physical_name_so_that_two_stacks_live_side_by_side():
    names = {"Name", "StreamName", "TableName", "QueueName", "BucketName", "RoleName", "FunctionName", "LogGroupName"}
    for name, resource in RESOURCES.items():
        given = [each for key, each in resource.get("Properties", {}).items() if key in names]
        assert all("${AWS::StackName}" in each["Fn::Sub"] for each in given), name


def test_the_outputs_are_those_of_the_contract():
    assert OUTPUTS.keys() == CONTRACT_OUTPUTS
    assert all(output["Description"] for output in OUTPUTS.values())
    assert not any("Export" in output for output in OUTPUTS.values())


def test_resources_come_in_the_order_in_which_data_flows_under_their_banners():
    banners = re.findall(r"^  # ── (\w+) ─+$", TEXT, re.MULTILINE)
    assert banners == ["Source", "Pipe", "Compute", "State", "Failure"]
    flow = ["EventStream", "StockPipe", "Projector", "StockTable", "QuarantineTable", "DeadLetterQueue"]
    assert [name for name in RESOURCES if name in flow] == flow


def test_whatever_holds_data_is_deleted_with_the_stack_and_says_so():
    for kind in ("AWS::DynamoDB::Table", "AWS::SQS::Queue", "AWS::S3::Bucket", "AWS::Logs::LogGroup"):
        for name in all_of(kind):
            assert RESOURCES[name]["DeletionPolicy"] == RESOURCES[name]["UpdateReplacePolicy"] == "Delete", name


def test_what_is_deployed_is_this_template(running):
    deployed = running.client("cloudformation").get_template(StackName=running.facts["stack_name"])["TemplateBody"]
    assert Template(deployed).properties == Template(TEXT).properties
