"""What the projector does with a product's records, and what lies in the quarantine then."""

import json

from stock_projector.events import parse

from tests.doubles import record

NOW = 1_694_433_600
TOMBSTONE_SECONDS = 2 * 48 * 3600


def entries(*numbered):
    return [(record(said, number), parse(record(said, number))) for number, said in numbered]


def brought_forward(store, product_id, *numbered):
    """Do what the projector does with one product's records of a batch."""
    return store.project(store.read([product_id])[product_id], entries(*numbered))


def messages(store):
    found = []
    while got := store.sqs.receive_message(QueueUrl=store.queue_url, MaxNumberOfMessages=10).get("Messages"):
        found += [json.loads(each["Body"]) for each in got]
        for each in got:
            store.sqs.delete_message(QueueUrl=store.queue_url, ReceiptHandle=each["ReceiptHandle"])
    return found
