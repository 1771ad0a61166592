"""What the projector does with a product's records, and what lies in the quarantine then."""

from stock_projector.batch import project_batch
from stock_projector.patience import Patience
from stock_projector.quarantine import Quarantine
from stock_projector.store import Store

from tests.doubles import record

DAY = 24 * 3600


class Shelf:
    """The projector on two tables of the embedded cloud."""

    def __init__(self, dynamodb, stock, refused):
        self.dynamodb, self.table_name = dynamodb, stock
        self.store, self.quarantine = Store(dynamodb, stock), Quarantine(dynamodb, refused, 90 * DAY)

    def bring_forward(self, *numbered):
        """Give the projector a batch of (place, event); return what became of each, in this order."""
        records = [
            record(said, number, shard_id=f"shard of {said['product']['product_id']}") for number, said in numbered
        ]
        result = project_batch(records, self.store, self.quarantine, Patience(lambda: 0.0))
        for _, error in result.failures:
            raise error
        outcomes = {each.item_identifier: outcome for each, outcome in result.outcomes}
        return [outcomes[each.item_identifier] for each in records]

    def level(self, product_id):
        return self.store.read([product_id])[product_id]

    def item(self, product_id):
        return self.dynamodb.get_item(TableName=self.table_name, Key={"product_id": {"S": product_id}}).get("Item")

    def refused(self, product_id):
        """Return what lies in quarantine of a product."""
        items = self.dynamodb.scan(TableName=self.quarantine.table_name, ConsistentRead=True)["Items"]
        return [item for item in items if item["partition_key"]["S"] == product_id]
