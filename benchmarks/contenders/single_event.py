"""What the peers share: the event of a record, and the one DynamoDB request that applies it."""

import json
import os
from base64 import b64decode
from typing import Any

TABLE = os.environ["STOCK_TABLE_NAME"]
SIGN = {"quantity_incremented": 1, "quantity_decremented": -1}


def event_in(record: dict[str, Any]) -> dict[str, Any]:
    """Read the record's event."""
    return json.loads(b64decode(record["data"]))


def update_for(event: dict[str, Any]) -> dict[str, Any]:
    """Return the parameters of the UpdateItem that applies the event."""
    product, key = event["product"], {"product_id": {"S": event["product"]["product_id"]}}
    if event["event_type"] == "product_added":
        names = {"#name": "product_name", "#status": "status"}
        expression = "SET #name = :name, #status = :status, quantity = :quantity, updated_at = :at"
        values = {":name": {"S": product["product_name"]}, ":quantity": {"N": str(product["quantity"])}}
        status = "active"
    elif event["event_type"] == "product_removed":
        names, expression = {"#status": "status"}, "SET #status = :status, quantity = :quantity, updated_at = :at"
        values, status = {":quantity": {"N": "0"}}, "removed"
    else:
        names, expression = {}, "SET updated_at = :at ADD quantity :change"
        values, status = {":change": {"N": str(SIGN[event["event_type"]] * product["quantity"])}}, ""
    values |= {":at": {"S": product["timestamp"]}} | ({":status": {"S": status}} if status else {})
    update = {"TableName": TABLE, "Key": key, "UpdateExpression": expression, "ExpressionAttributeValues": values}
    return update | ({"ExpressionAttributeNames": names} if names else {})
