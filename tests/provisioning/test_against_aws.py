"""What AWS would refuse, found without an account: by cfn-lint, parliament, and botocore's service models."""

import json
import subprocess
import sysconfig
import warnings
from functools import cache

import botocore.session
import pytest
import yaml

from pipeline.paths import OBSERVABILITY, ROOT, TEMPLATE
from pipeline.provisioning.parameters import declared
from pipeline.provisioning.template import Template

with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # of pkg_resources, which it imports
    import parliament

REGIONS = ("us-east-1", "us-east-2", "us-west-2", "eu-central-1", "eu-west-1", "ap-northeast-1", "ap-southeast-2")
WAIVED = yaml.safe_load((ROOT / "infra" / "waivers.yaml").read_text())

# ── the templates ──


def test_cfn_lint_has_nothing_to_say_in_any_region():
    command = [sysconfig.get_path("scripts") + "/cfn-lint", str(TEMPLATE), str(OBSERVABILITY), "--regions", *REGIONS]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def findings(name, document):
    """Return what parliament says of a policy of the template, as {what: detail}."""
    text = json.dumps(document).replace("${AWS::Partition}", "aws").replace("${AWS::Region}", "us-east-1")
    analyzed = parliament.analyze_policy_string(text.replace("${AWS::AccountId}", "123456789012"))
    return {f"{finding.issue} {name}": finding.detail for finding in analyzed.findings}


ARNS = {  # what stands in the place of a reference: parliament compares it with what the action may name
    "EventStream": "arn:aws:kinesis:us-east-1:123456789012:stream/events",
    "Projector": "arn:aws:lambda:us-east-1:123456789012:function:projector",
    "DeadLetterQueue": "arn:aws:sqs:us-east-1:123456789012:letters",
    "StockTable": "arn:aws:dynamodb:us-east-1:123456789012:table/stock",
    "QuarantineTable": "arn:aws:dynamodb:us-east-1:123456789012:table/quarantine",
    "ProjectorLog": "arn:aws:logs:us-east-1:123456789012:log-group:projector:*",
}


def policies():
    """Yield (role, policy) for every policy of the template, with and without a rebuilt table."""
    for parameters in ({}, {"RebuiltTableName": "rebuilt"}):
        template = Template.read(TEMPLATE, parameters)
        for role in (name for name, type_ in template.type_of.items() if type_ == "AWS::IAM::Role"):
            for policy in template.properties[role]["Policies"]:
                text = json.dumps(policy["PolicyDocument"])
                for name, arn in ARNS.items():
                    text = text.replace(f"${{{name}.Arn}}", arn)
                yield role, json.loads(text)


def test_parliament_has_nothing_to_say_but_what_is_waived_with_a_reason():
    said = {what: detail for role, document in policies() for what, detail in findings(role, document).items()}
    assert said.keys() == WAIVED["parliament"].keys(), said
    assert all(WAIVED["parliament"].values())


@pytest.mark.parametrize(
    ("action", "resource", "issue"),
    [
        ("kinesis:ReadRecords", ARNS["EventStream"], "UNKNOWN_ACTION"),
        ("kinesis:GetRecords", ARNS["StockTable"], "RESOURCE_MISMATCH"),
    ],
)
def test_parliament_would_say_what_is_wrong(action, resource, issue):
    statement = {"Effect": "Allow", "Action": action, "Resource": resource}
    assert f"{issue} Role" in findings("Role", {"Version": "2012-10-17", "Statement": [statement]})


# ── the parameters ──

PIPE = ("pipes", "CreatePipe", "SourceParameters.KinesisStreamParameters")
BOUNDS = {  # parameter → where AWS's own bounds stand
    "ShardCount": ("kinesis", "CreateStream", "ShardCount"),
    "BatchSize": (*PIPE[:2], f"{PIPE[2]}.BatchSize"),
    "BatchingWindowSeconds": (*PIPE[:2], f"{PIPE[2]}.MaximumBatchingWindowInSeconds"),
    "ParallelizationFactor": (*PIPE[:2], f"{PIPE[2]}.ParallelizationFactor"),
    "MaximumRetryAttempts": (*PIPE[:2], f"{PIPE[2]}.MaximumRetryAttempts"),
    "MaximumRecordAgeSeconds": (*PIPE[:2], f"{PIPE[2]}.MaximumRecordAgeInSeconds"),
    "ProjectorMemoryMb": ("lambda", "CreateFunction", "MemorySize"),
    "ProjectorTimeoutSeconds": ("lambda", "CreateFunction", "Timeout"),
}
NARROWER = {  # on purpose
    ("ShardCount", "MaxValue"): "500, the least quota of an account; the model names none",
    ("MaximumRetryAttempts", "MinValue"): "-1 is for ever: a stuck batch would block its shard",
    ("MaximumRecordAgeSeconds", "MinValue"): "-1 is for ever; less than a minute gives up what a restart delays",
    ("ProjectorMemoryMb", "MinValue"): "in less, a batch of 10,000 records has no room",
    ("ProjectorMemoryMb", "MaxValue"): "10,240 MB is what every region gives",
    ("ProjectorTimeoutSeconds", "MinValue"): "a cold start has to fit",
    ("ProjectorTimeoutSeconds", "MaxValue"): "the pipe waits for five minutes at most",
}
UNBOUNDED = {"RetentionHours", "LogRetentionDays", "QuarantineDays"}  # the model gives no numbers; the last is ours


@cache
def model(service):
    return botocore.session.get_session().get_service_model(service)


def bounds(service, operation, path):
    shape = model(service).operation_model(operation).input_shape
    for name in path.split("."):
        shape = shape.members[name]
    return {"MinValue": shape.metadata.get("min"), "MaxValue": shape.metadata.get("max")}


def test_the_bounds_of_the_parameters_are_those_of_aws_or_narrower_for_a_reason():
    rules_of = {name: rules for name, rules in declared().items() if rules["Type"] == "Number"}
    assert rules_of.keys() == BOUNDS.keys() | UNBOUNDED
    otherwise = {}
    for parameter, place in BOUNDS.items():
        for bound, aws in bounds(*place).items():
            mine = rules_of[parameter][bound]
            inside = aws is None or (mine > aws if bound == "MinValue" else mine < aws)
            if not (inside if (parameter, bound) in NARROWER else mine == aws):
                otherwise[parameter, bound] = (mine, aws)
    assert otherwise == {}
