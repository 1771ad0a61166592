"""The guides leave open what a pipe sends again when a batch fails in part: the table comes out right in every case.

The real pipe runtime hands the records to the real handler, on tables in memory that refuse a part of what is asked.
"""

from random import Random
from types import SimpleNamespace

import pytest
from stock_projector import handler

from pipeline.consistency import oracle
from pipeline.pipe.validation import IDENTIFIERS, PARTIAL_FAILURES
from pipeline.stories.scenarios import write_story
from tests.doubles.kinesis import Kinesis
from tests.projector.handler.harness import Harness as Projector

FATES = ("throttled", "refused", "answer lost")
CONTEXT = SimpleNamespace(get_remaining_time_in_millis=lambda: 60_000)


@pytest.mark.parametrize("bisect", ["", "AUTOMATIC_BISECT"])
@pytest.mark.parametrize("identifier", IDENTIFIERS)
@pytest.mark.parametrize("again", PARTIAL_FAILURES)
def test_the_table_comes_out_right(harness, monkeypatch, again, identifier, bisect):
    projector, chance = Projector(monkeypatch), Random(f"{again} {identifier} {bisect}")
    projector.fate = lambda what, key: chance.choice(FATES) if chance.random() < 0.2 and what != "read" else ""
    harness.function.does = lambda batch: handler.handler(batch, CONTEXT)
    for record in write_story("rough-day", 120, 6, seed=3):
        harness.kinesis.put(record.partition_key, record.data)
    run = harness.run(partial_failure=again, item_identifier=identifier, bisect=bool(bisect), batch_size=25)
    harness.eventually(lambda: harness.is_drained(run))

    expected = oracle.fold(of_log(harness.kinesis))
    assert {name: int(item["quantity"]["N"]) for name, item in projector.stock.items()} == {
        name: product.quantity for name, product in expected.products.items()
    }
    refused = [outcome for outcome in expected.outcomes.values() if outcome not in ("applied", "duplicate")]
    assert projector.reasons == refused
    assert len(harness.function.batches) > 120 / 25, "something came again"
    assert harness.mailbox.letters == []


def of_log(kinesis: Kinesis):
    """Return what the oracle reads of the one shard's records."""
    [shard] = kinesis.shards.values()
    return [
        SimpleNamespace(
            data=each["Data"], partition_key=each["PartitionKey"], shard_id=shard.shard_id,
            sequence_number=each["SequenceNumber"],
        )
        for each in shard.records
    ]  # fmt: skip
