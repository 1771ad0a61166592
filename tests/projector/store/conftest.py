"""A table and a queue of our own."""

import pytest
from stock_projector.store import Store

from tests.projector.store.kettles import NOW, TOMBSTONE_SECONDS


@pytest.fixture(scope="package")
def services(running):
    """A table and a queue of our own beside the stack's."""
    dynamodb, sqs = running.client("dynamodb"), running.client("sqs")
    dynamodb.create_table(
        TableName="store-tests",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "product_id", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "product_id", "KeyType": "HASH"}],
    )
    queue_url = sqs.create_queue(QueueName="store-tests")["QueueUrl"]
    yield dynamodb, sqs, queue_url
    dynamodb.delete_table(TableName="store-tests")
    sqs.delete_queue(QueueUrl=queue_url)


@pytest.fixture
def store(services):
    dynamodb, sqs, queue_url = services
    return Store(dynamodb, sqs, "store-tests", queue_url, TOMBSTONE_SECONDS, clock=lambda: NOW)
