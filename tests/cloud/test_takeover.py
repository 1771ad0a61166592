"""A stack of the version before is taken over: what lay in its quarantine queue lies in the table then, each once."""

import base64
import json

from pipeline.provisioning import deployment, takeover
from pipeline.reading import frames

RECORD = {
    "reason": "insufficient_stock", "detail": "3 in stock, 4 asked for", "event": {"event_type": "a decrement"},
    "data": base64.b64encode(b'{"event_type": "quantity_decremented"}').decode(), "partition_key": "OLD-LAMP",
    "shard_id": "shardId-000000000000", "sequence_number": "7", "arrived_at": "2023-09-11T12:00:00.000+00:00",
}  # fmt: skip
POISON = RECORD | {"event": None, "data": base64.b64encode(b"\xff").decode(), "sequence_number": "8", "truncated": True}


def test_what_lies_in_the_old_queue_is_named_and_moves_and_an_interrupted_move_goes_on(
    joined, tmp_path, monkeypatch, eventually
):
    found = deployment.up(joined, "taken-over")
    sqs, pipes, name = joined.client("sqs"), joined.client("pipes"), found.outputs["PipeName"]
    queue_url = sqs.create_queue(QueueName="old-quarantine")["QueueUrl"]
    outputs = found.outputs | {"QuarantineQueueUrl": queue_url}
    monkeypatch.setattr(takeover.stack, "outputs", lambda cloud, stack_name: outputs)
    kept, lines = tmp_path / "notes" / "old.jsonl", []
    try:
        for message in (RECORD, POISON, RECORD):  # at least once
            sqs.send_message(QueueUrl=queue_url, MessageBody=json.dumps(message))
        takeover.begin(joined, "taken-over", kept, lines.append)
        assert pipes.describe_pipe(Name=name)["CurrentState"] == "STOPPED"
        assert "2 records" in lines[0] and {line.split()[0] for line in lines[1:]} == {
            "shardId-000000000000:7", "shardId-000000000000:8",
        }  # fmt: skip
        takeover.begin(joined, "taken-over", kept, lines.append)  # interrupted here: the queue hides what was read
        for _ in range(2):
            takeover.finish(joined, "taken-over", kept, keep_days=90)
        eventually(lambda: pipes.describe_pipe(Name=name)["CurrentState"] == "RUNNING", "the pipe to run again")
        assert not kept.exists()
        frame = frames.quarantine(joined, found.outputs["QuarantineTableName"])
        assert list(frame["record_id"]) == ["shardId-000000000000:7", "shardId-000000000000:8"]
        assert list(frame["data"]) == [base64.b64decode(RECORD["data"]), b"\xff"]
        assert list(frame["reason"]) == ["insufficient_stock"] * 2
        assert frame["event"][0] == json.dumps(RECORD["event"])
        assert list(frame["state"]) == ["open", "open"]
    finally:
        sqs.delete_queue(QueueUrl=queue_url)
        deployment.down(joined, "taken-over")


def test_a_stack_without_an_old_queue_is_left_as_it_is(joined, tmp_path):
    lines = []
    takeover.begin(joined, "inventory", tmp_path / "old.jsonl", lines.append)
    assert lines == [] and not (tmp_path / "old.jsonl").exists()
