"""The limits are in force in the local cloud as `up` starts it."""

import json
from contextlib import contextmanager

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError


@pytest.fixture
def client(running):
    """Make clients that try nothing again."""
    env = running.facts["env"]
    return lambda service: boto3.client(
        service,
        endpoint_url=env["AWS_ENDPOINT_URL"],
        aws_access_key_id=env["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=env["AWS_SECRET_ACCESS_KEY"],
        region_name=env["AWS_DEFAULT_REGION"],
        config=Config(retries={"total_max_attempts": 1}),
    )


@contextmanager
def refused(code):
    with pytest.raises(ClientError) as raised:
        yield
    assert raised.value.response["Error"]["Code"] == code


def test_kinesis(client):
    kinesis = client("kinesis")
    kinesis.create_stream(StreamName="limited", ShardCount=1)
    records = [{"Data": b"x", "PartitionKey": "P1"}] * 500
    answers = [kinesis.put_records(StreamName="limited", Records=records) for _ in range(8)]
    assert any(answer["FailedRecordCount"] for answer in answers)
    asked = {"StreamName": "limited", "ShardId": "shardId-000000000000", "ShardIteratorType": "TRIM_HORIZON"}
    iterator = kinesis.get_shard_iterator(**asked)["ShardIterator"]
    with refused("ProvisionedThroughputExceededException"):
        for _ in range(50):
            kinesis.get_records(ShardIterator=iterator, Limit=1)
    kinesis.delete_stream(StreamName="limited")


def test_sqs_lambda_and_dynamodb(client, running):
    sqs, dynamodb = client("sqs"), client("dynamodb")
    queue = sqs.create_queue(QueueName="limited")["QueueUrl"]
    for number in range(9):
        sqs.send_message(QueueUrl=queue, MessageBody=str(number))
    assert len(sqs.receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])) < 9
    sqs.delete_queue(QueueUrl=queue)
    with refused("RequestTooLargeException"):
        payload = json.dumps(["x" * 6 * 1024**2])
        client("lambda").invoke(FunctionName=running.outputs["ProjectorName"], Payload=payload)
    name = {"AttributeName": "id"}
    dynamodb.create_table(
        TableName="limited",
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[name | {"KeyType": "HASH"}],
        AttributeDefinitions=[name | {"AttributeType": "S"}],
    )
    with refused("ThrottlingException"):
        for _ in range(9):  # 380 write units each
            dynamodb.put_item(TableName="limited", Item={"id": {"S": "hot"}, "note": {"S": "x" * 389_000}})
    for product in "ab":
        dynamodb.put_item(TableName="limited", Item={"id": {"S": product}, "note": {"S": "x" * 389_000}})
    page = dynamodb.scan(TableName="limited")
    assert page["Count"] < 3 and page["LastEvaluatedKey"], "a page holds 1 MB"
    dynamodb.delete_table(TableName="limited")


def test_reserved_concurrency(client, running):
    function, name = client("lambda"), running.outputs["ProjectorName"]
    function.put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=0)
    try:
        with refused("TooManyRequestsException"):
            function.invoke(FunctionName=name, Payload=b"[]")
    finally:
        function.delete_function_concurrency(FunctionName=name)
    assert "FunctionError" not in function.invoke(FunctionName=name, Payload=b"[]")
