"""The table and the queue in memory, shaped like boto3's clients, with a diary of the calls that change something."""

from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError


def denied(operation: str, action: str) -> ClientError:
    """Return what AWS says when a permission is missing."""
    message = f"User: arn:aws:sts::123456789012:assumed-role/projector is not authorized to perform: {action}"
    return ClientError({"Error": {"Code": "AccessDeniedException", "Message": message}}, operation)


class FakeTable:
    """DynamoDB with one table. `trouble` is asked before every call, and may raise."""

    class exceptions:  # noqa: N801 - as boto3 spells it
        class ConditionalCheckFailedException(ClientError):  # noqa: N818
            pass

    def __init__(self, diary: list[Any]) -> None:
        self.items: dict[str, dict[str, Any]] = {}
        self.diary = diary
        self.trouble: Callable[[str, str], None] = lambda operation, product_id: None
        self.unread: list[int] = []  # of how many keys each read is to leave unread

    def batch_get_item(self, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803
        [(table, asked)] = RequestItems.items()
        assert asked["ConsistentRead"] is True
        assert 1 <= len(asked["Keys"]) <= 100, "what one BatchGetItem takes"
        wanted = [key["product_id"]["S"] for key in asked["Keys"]]
        assert len(set(wanted)) == len(wanted), "DynamoDB refuses a key that is asked for twice"
        for product_id in wanted:
            self.trouble("BatchGetItem", product_id)
        left = self.unread.pop(0) if self.unread else 0
        read, unread = wanted[left:], asked["Keys"][:left]
        answer = {"Responses": {table: [self.items[each] for each in read if each in self.items]}}
        return answer | {"UnprocessedKeys": {table: {"Keys": unread, "ConsistentRead": True}} if unread else {}}

    def put_item(self, *, TableName: str, Item: dict[str, Any], **condition: Any) -> dict[str, Any]:  # noqa: N803
        product_id = Item["product_id"]["S"]
        self.trouble("PutItem", product_id)
        there = self.items.get(product_id)
        if condition["ConditionExpression"] == "attribute_not_exists(product_id)":
            holds = there is None
        else:
            assert condition["ConditionExpression"] == "last_sequence_number = :read"
            holds = there is not None and (
                there["last_sequence_number"] == condition["ExpressionAttributeValues"][":read"]
            )
        self.diary.append(("write" if holds else "lost", product_id))
        if not holds:
            error = {"Error": {"Code": "ConditionalCheckFailedException", "Message": "The conditional request failed"}}
            raise self.exceptions.ConditionalCheckFailedException(error | ({"Item": there} if there else {}), "PutItem")
        self.items[product_id] = Item
        return {}


class FakeQueue:
    """SQS with one queue. `refuse` says which messages of a batch fail; `trouble` fails the whole call."""

    def __init__(self, diary: list[Any]) -> None:
        self.bodies: list[str] = []
        self.requests: list[list[str]] = []
        self.diary = diary
        self.refuse: Callable[[str], bool] = lambda body: False
        self.trouble: Callable[[], None] = lambda: None

    def send_message_batch(self, QueueUrl: str, Entries: list[dict[str, str]]) -> dict[str, Any]:  # noqa: N803
        self.trouble()
        bodies = [entry["MessageBody"] for entry in Entries]
        assert 1 <= len(Entries) <= 10, "what one SendMessageBatch takes"
        assert len({entry["Id"] for entry in Entries}) == len(Entries)
        assert sum(len(body.encode()) for body in bodies) <= 256 * 1024
        self.requests.append(bodies)
        taken = [entry for entry in Entries if not self.refuse(entry["MessageBody"])]
        self.bodies += [entry["MessageBody"] for entry in taken]
        self.diary += [("quarantine", entry["MessageBody"]) for entry in taken]
        failed = [
            {"Id": entry["Id"], "Code": "InternalError", "Message": "try again", "SenderFault": False}
            for entry in Entries
            if entry not in taken
        ]
        return {"Successful": [{"Id": entry["Id"]} for entry in taken]} | ({"Failed": failed} if failed else {})
