"""AUTOMATIC_BISECT: a failing batch is halved."""

from typing import Any

from tests.pipe.harness import LAPTOP, QUEUE, Harness, data_of, failures, poisoned


def test_bisect_halves_a_failing_batch_until_one_record_is_left(harness: Harness) -> None:
    """API model: AUTOMATIC_BISECT "halves each batch and retry each half until all the records are processed or...".

    Splitting uses up no retry: Lambda guide, kinesis-on-failure-destination.
    """
    harness.function.does = poisoned
    for n in range(16):
        harness.kinesis.put(LAPTOP, "poison" if n == 10 else str(n))
    run = harness.run(bisect=True, maximum_retry_attempts=0, dead_letter_arn=QUEUE)
    harness.eventually(lambda: harness.is_drained(run))
    assert [len(batch) for batch in harness.function.batches] == [16, 8, 8, 4, 2, 2, 1, 1, 4]
    taken = [data_of(r) for batch in harness.function.batches for r in batch if not _has_poison(batch)]
    assert taken == [str(n) for n in range(16) if n != 10]
    assert [letter["KinesisBatchInfo"]["batchSize"] for _, letter in harness.mailbox.letters] == [1]


def _has_poison(batch: Any) -> bool:
    return any(data_of(record) == "poison" for record in batch)


def test_without_bisect_a_failing_batch_comes_again_whole(harness: Harness) -> None:
    """Guide, eb-pipes-kinesis, "On partial batch item failure": halving is what AUTOMATIC_BISECT adds."""
    harness.function.does = poisoned
    for n in range(4):
        harness.kinesis.put(LAPTOP, "poison" if n == 2 else str(n))
    run = harness.run(maximum_retry_attempts=2, dead_letter_arn=QUEUE)
    harness.eventually(lambda: harness.is_drained(run))
    assert [len(batch) for batch in harness.function.batches] == [4, 4, 4]
    assert [letter["KinesisBatchInfo"]["batchSize"] for _, letter in harness.mailbox.letters] == [4]


def test_records_that_the_target_names_are_bisected_too(harness: Harness) -> None:
    """API model: OnPartialBatchItemFailure "Define how to handle item process failures"."""
    harness.function.does = lambda records: failures(*(r["eventID"] for r in records)) if len(records) > 1 else None
    for n in range(4):
        harness.kinesis.put(LAPTOP, str(n))
    run = harness.run(bisect=True, maximum_retry_attempts=0, dead_letter_arn=QUEUE)
    harness.eventually(lambda: harness.is_drained(run))
    assert [len(batch) for batch in harness.function.batches] == [4, 2, 1, 1, 2, 1, 1] and harness.mailbox.letters == []
