"""Two tables of our own on the embedded cloud."""

import pytest

from tests.projector.store.kettles import Shelf

TABLES = {"store-tests": "product_id", "store-tests-refused": "record_id"}


@pytest.fixture(scope="package")
def shelf(running):
    """The projector on two tables of our own beside the stack's."""
    dynamodb = running.client("dynamodb")
    for name, key in TABLES.items():
        dynamodb.create_table(
            TableName=name,
            BillingMode="PAY_PER_REQUEST",
            AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"}],
            KeySchema=[{"AttributeName": key, "KeyType": "HASH"}],
        )
    yield Shelf(dynamodb, *TABLES)
    for name in TABLES:
        dynamodb.delete_table(TableName=name)
