"""Everything of a stack has its tags; what holds data may outlive it; `down` proves that nothing else is left."""

import json
from types import SimpleNamespace

import pytest

from pipeline.errors import UserError
from pipeline.paths import TEMPLATE
from pipeline.provisioning import deployment, ownership, stack
from pipeline.provisioning.template import load
from tests.doubles.errors import client_error


def test_every_resource_that_takes_tags_has_those_of_the_stack(running, joined):
    pages = joined.client("resourcegroupstaggingapi").get_paginator("get_resources")
    mine = [{"Key": ownership.STACK, "Values": ["inventory"]}, {"Key": ownership.PROJECT}]
    arns = [each["ResourceARN"] for page in pages.paginate(TagFilters=mine) for each in page["ResourceTagMappingList"]]
    kinds = {arn.split(":")[2] for arn in arns}
    assert {"dynamodb", "sqs", "lambda"} <= kinds, "of what the emulator tags and lists"
    tags = joined.client("kinesis").list_tags_for_stream(StreamName=running.outputs["StreamName"])["Tags"]
    assert {"Key": ownership.STACK, "Value": "inventory"} in tags


def test_what_holds_data_stays_if_it_was_said_so_and_is_named(joined):
    told = []
    stack.provision(joined, "kept", tell=told.append, retain=True)
    outputs = stack.outputs(joined, "kept")
    joined.client("s3").put_object(Bucket=outputs["ArtifactBucketName"], Key="snapshots/one", Body=b"{}")
    stack.provision(joined, "kept", {"BatchSize": 7}, told.append)  # later it stays so without being said again
    assert deployment.is_retained(stack.describe(joined, "kept"))
    deployment.down(joined, "kept", told.append)
    assert "kept" not in stack.names(joined)
    assert joined.client("s3").list_objects_v2(Bucket=outputs["ArtifactBucketName"])["KeyCount"] == 1
    assert joined.client("kinesis").describe_stream_summary(StreamName=outputs["StreamName"])
    [stays] = [line for line in told if line.startswith("stays, and is yours to delete: ")]
    assert outputs["StockTableName"] in stays and outputs["QuarantineTableName"] in stays

    joined.client("s3").delete_object(Bucket=outputs["ArtifactBucketName"], Key="snapshots/one")
    joined.client("s3").delete_bucket(Bucket=outputs["ArtifactBucketName"])
    for table in (outputs["StockTableName"], outputs["QuarantineTableName"]):
        joined.client("dynamodb").delete_table(TableName=table)
    joined.client("kinesis").delete_stream(StreamName=outputs["StreamName"])


def test_the_template_with_which_data_stay_is_the_template_otherwise():
    text = TEMPLATE.read_text()
    body, kept = load(text), json.loads(ownership.retaining(text))
    for name in ownership.RETAINED:
        policies = [kept["Resources"][name].pop(policy) for policy in ("DeletionPolicy", "UpdateReplacePolicy")]
        assert policies == ["Retain", "Retain"]
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            body["Resources"][name].pop(policy, None)
    assert kept == body


def tagging(pages, billed=True):
    """A cloud that answers for tags; by then its stack is gone."""
    client = SimpleNamespace(get_paginator=lambda name: SimpleNamespace(paginate=pages))
    return SimpleNamespace(client=lambda service: client, patience_seconds=0, poll_seconds=0, is_billed=billed)


def test_what_is_left_though_it_was_not_meant_to_stay_is_an_error_that_names_it():
    page = {"ResourceTagMappingList": [{"ResourceARN": "arn:aws:sqs:us-east-1:123456789012:letters"}]}
    with pytest.raises(UserError, match="this still has its tag: arn:aws:sqs"):
        deployment._say_what_is_left(tagging(lambda **_: [page]), "shop", print, False, "")


def test_on_aws_it_is_said_what_dynamodb_keeps_and_what_was_not_looked_up():
    told = []
    deployment._say_what_is_left(tagging(lambda **_: []), "shop", told.append, False, "")
    assert told[0] == "nothing with the tag inventory:stack=shop is left"
    assert "35 days" in told[1]

    def denied(**_):
        raise client_error("GetResources", "AccessDeniedException")

    deployment._say_what_is_left(tagging(denied), "shop", told.append, False, "")
    assert "needs the right tag:GetResources" in told[2]
