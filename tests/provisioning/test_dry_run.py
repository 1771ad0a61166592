"""A dry run changes nothing: no call that could is made, whatever it is named; each is told with its parameters."""

import warnings

import botocore.session
import pytest
from botocore import xform_name

from pipeline.dry_run import LOOKS, DryClient, is_read, line

with warnings.catch_warnings():
    warnings.simplefilter("ignore", UserWarning)  # of pkg_resources, which it imports
    import parliament

SERVICES = ("cloudformation", "cloudwatch", "dynamodb", "kinesis", "lambda", "logs", "pipes", "s3", "sqs", "sts", "ssm")
HARMLESS = ("Read", "List")


def methods():
    """Yield (service, method, IAM's access level, empty where it has none) for all that AWS has."""
    session = botocore.session.get_session()
    levels = {
        (service["prefix"], privilege["privilege"]): privilege["access_level"]
        for service in parliament.iam_definition
        for privilege in service["privileges"]
    }
    for service in SERVICES:
        for name in session.get_service_model(service).operation_names:
            yield service, xform_name(name), levels.get((service, name), "")


class Real:
    """A client of which any call is one too many."""

    def __getattr__(self, name):
        raise AssertionError(f"{name} was made")


def test_no_call_is_made_but_of_what_reads():
    told, made = [], []
    for service, method, _ in methods():
        if not is_read(method):
            getattr(DryClient(Real(), service, told.append), method)(Name="x")
            made.append(method)
    assert len(told) == len(made) > 300
    unheard = DryClient(Real(), "s3", told.append)
    unheard.upload_file(Filename="x")
    list(unheard.get_paginator("delete_objects").paginate(Bucket="b"))
    assert told[-2:] == ["would call s3 upload-file: Filename='x'", "would call s3 delete-objects: Bucket='b'"]


def test_what_is_taken_for_reading_reads_to_iam_too():
    """IAM says of each action whether it reads. What it has no word for is no action of its own."""
    read = [(service, method, level) for service, method, level in methods() if is_read(method) and level]
    assert len(read) > 150
    wrong = [found for found in read if found[2] not in HARMLESS and found[1] not in LOOKS]
    assert wrong == []


def test_a_call_is_one_line_with_what_is_long_cut():
    told = line("s3", "put_object", {"Bucket": "b", "Body": b"x" * 5000, "Metadata": {"by": ["me"]}})
    assert told == "would call s3 put-object: Bucket='b', Body=<5,000 bytes>, Metadata={by: ['me']}"


def test_what_is_read_comes_from_the_cloud():
    class Client:
        def describe_stacks(self, StackName):  # noqa: N803
            return {"Stacks": [StackName]}

    assert DryClient(Client(), "cloudformation", print).describe_stacks(StackName="mine") == {"Stacks": ["mine"]}
    with pytest.raises(AttributeError):
        _ = DryClient(Client(), "cloudformation", print).describe_everything
