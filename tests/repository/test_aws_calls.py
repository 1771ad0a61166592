"""Every call of AWS in the code is one that botocore's service models have, with the parameters that they take."""

import ast
from functools import cache

import botocore.session
import pytest
from botocore import xform_name

from pipeline.paths import ROOT
from tests.repository.source_tree import sources

FOLDERS = ("pipeline", "lambda_src")
NO_CLIENT = {"pipeline/emulator/launch.py", "pipeline/emulator/resharding.py"}  # the other side: they answer calls


@cache
def operations():
    """Return {method: [operation's input shape, of each service that the code has a client of]}."""
    session = botocore.session.get_session()
    by_method = {}
    for service in services():
        model = session.get_service_model(service)
        for name in model.operation_names:
            by_method.setdefault(xform_name(name), []).append(model.operation_model(name).input_shape)
    return by_method


@cache
def services():
    """Return the services that the code makes clients of, by name."""
    return {
        argument.value
        for _, tree in sources(ROOT, *FOLDERS)
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func).split(".")[-1].endswith("client")
        for argument in call.args
        if isinstance(argument, ast.Constant)
    }


def calls(tree):
    """Yield (line, method, given parameters, whether more come by **) of what looks like a call of AWS."""
    for call in ast.walk(tree):
        if not (isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute)):
            continue
        method, given = call.func.attr, {keyword.arg: keyword.value for keyword in call.keywords if keyword.arg}
        if method in ("paginate", "get_paginator", "get_waiter") or call.args:
            continue
        if any(name[:1].isupper() for name in given) or (method in operations() and given):
            yield call.lineno, method, given, any(keyword.arg is None for keyword in call.keywords)


def trouble(shape, given, is_open):
    """Say what is wrong with the parameters of a call; nothing, if nothing is."""
    if unknown := given.keys() - shape.members.keys():
        return f"takes no {', '.join(sorted(unknown))}"
    if not is_open and (missing := set(shape.required_members) - given.keys()):
        return f"needs {', '.join(sorted(missing))}"
    for name, value in given.items():
        member = shape.members[name]
        if not isinstance(value, ast.Constant):
            continue
        known = getattr(member, "enum", None)
        if known and value.value not in known:
            return f"{name} is {value.value!r}, and one of {', '.join(known)} to AWS"
        size = len(value.value) if isinstance(value.value, str | bytes) else value.value
        if not member.metadata.get("min", size) <= size <= member.metadata.get("max", size):
            return f"{name} is {value.value!r}, out of bounds"
    return ""


def offenders(path, tree):
    for line, method, given, is_open in calls(tree):
        shapes = [shape for shape in operations().get(method, []) if shape]
        troubles = [trouble(shape, given, is_open) for shape in shapes] or ["is no operation of AWS"]
        if all(troubles):
            yield f"{path}:{line} {method}: {troubles[0]}"


def test_every_call_is_one_of_aws():
    trees = [(path, tree) for path, tree in sources(ROOT, *FOLDERS) if path not in NO_CLIENT]
    assert {"kinesis", "dynamodb", "pipes", "cloudformation", "cloudwatch", "sqs", "s3", "sts"} <= services()
    assert sum(len(list(calls(tree))) for _, tree in trees) > 60
    assert [offender for path, tree in trees for offender in offenders(path, tree)] == []


@pytest.mark.parametrize(
    ("call", "says"),
    [
        ("kinesis.get_recrods(ShardIterator=iterator)", "is no operation of AWS"),
        ("kinesis.get_records(ShardIterators=iterator)", "takes no ShardIterators"),
        ("sqs.receive_message(MaxNumberOfMessages=10)", "needs QueueUrl"),
        ("kinesis.get_shard_iterator(StreamName=s, ShardId=i, ShardIteratorType='HORIZON')", "one of AT_SEQUENCE_"),
        ("kinesis.get_records(ShardIterator=iterator, Limit=10001)", "out of bounds"),
    ],
)
def test_a_wrong_call_is_named(call, says):
    [offender] = offenders("x.py", ast.parse(call))
    assert says in offender


# ── the permissions that docs/aws.md lists ──

TO_IAM = {
    "ListObjectsV2": "ListBucket",
    "ChangeMessageVisibilityBatch": "ChangeMessageVisibility",
    "DeleteMessageBatch": "DeleteMessage",
}
NOT_BY_COMMANDS = ("pipeline/emulator", "pipeline/pipe/", "pipeline/notebook", "pipeline/scale")


def called_by_commands():
    """Return (service, operation) of all that the command line calls, by name or page by page."""
    session = botocore.session.get_session()
    trees = [tree for path, tree in sources(ROOT, "pipeline") if not path.startswith(NOT_BY_COMMANDS)]
    made = [(method, given, is_open) for tree in trees for _, method, given, is_open in calls(tree)]
    paged = {
        call.args[0].value
        for tree in trees
        for call in ast.walk(tree)
        if isinstance(call, ast.Call) and ast.unparse(call.func).endswith("get_paginator")
        if isinstance(call.args[0], ast.Constant)
    }
    for service in services():
        model = session.get_service_model(service)
        for name in model.operation_names:
            shape, method = model.operation_model(name).input_shape, xform_name(name)
            fits = any(called == method and shape and not trouble(shape, given, more) for called, given, more in made)
            if fits or method in paged:
                yield service, name


def test_the_permissions_in_the_docs_are_those_of_the_calls():
    text = (ROOT / "docs" / "aws.md").read_text()
    called = sorted(set(called_by_commands()))
    assert len(called) > 35
    assert [call for call in called if f"`{TO_IAM.get(call[1], call[1])}`" not in text] == []
