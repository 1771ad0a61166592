"""A changed number of shards closes the old ones, as on AWS: they take no more, and are read to their end.

The emulator loses what nobody has read of them yet, and reports a template's changed ShardCount as done without doing
anything. Splitting or merging single shards is refused: nothing here does it, and it would lose records.
"""

import json
from typing import Any

from ministack.core.responses import error_response_json, json_response
from ministack.services import kinesis
from ministack.services.cloudformation import provisioners

CLOSED = "ending_sequence_number"
_get_records, _describe_stream_summary = kinesis._get_records, kinesis._describe_stream_summary


def open_shards(stream: dict[str, Any]) -> list[tuple[int, int, str]]:
    """Return the shards that take records, by their hash keys: first, last, id."""
    shards = [(shard_id, shard) for shard_id, shard in stream["shards"].items() if CLOSED not in shard]
    return sorted((int(shard["starting_hash_key"]), int(shard["ending_hash_key"]), name) for name, shard in shards)


def update_shard_count(request: dict[str, Any]) -> Any:
    """Close the open shards, and open so many of the same size; each knows the one or two that it follows."""
    name, stream = kinesis._resolve_stream(request)
    if not stream:
        return error_response_json("ResourceNotFoundException", f"Stream {name} not found", 400)
    before, wanted = open_shards(stream), int(request["TargetShardCount"])
    children = kinesis._build_shards(wanted, kinesis._max_shard_index(stream) + 1)
    for child in children.values():
        first, last = int(child["starting_hash_key"]), int(child["ending_hash_key"])
        parents = [shard_id for start, end, shard_id in before if start <= last and end >= first]
        if len(parents) > 2 or not len(before) / 2 <= wanted <= len(before) * 2:  # AWS: half to double at once
            message = f"ShardCount of {name} cannot go from {len(before)} to {wanted} in one step"
            return error_response_json("LimitExceededException", message, 400)
        child["parent_shard_id"], child["adjacent_parent_shard_id"] = [*parents, None][:2]
    for _, _, shard_id in before:
        stream["shards"][shard_id][CLOSED] = kinesis._next_sequence_number()
    stream["shards"] |= children
    counts = {"CurrentShardCount": len(before), "TargetShardCount": wanted}
    return json_response({"StreamName": name, "StreamARN": stream["StreamARN"], **counts})


def refuse(request: dict[str, Any]) -> Any:
    """Refuse what would lose records."""
    return error_response_json("InvalidArgumentException", "here only the number of shards can be changed", 400)


def route_to_shard(hash_key: int, stream: dict[str, Any]) -> str:
    """Return the open shard of a hash key."""
    return next(shard_id for first, last, shard_id in open_shards(stream) if first <= hash_key <= last)


def get_records(request: dict[str, Any]) -> Any:
    """Read; at the end of a closed shard there is no next iterator."""
    status, headers, body = _get_records(request)
    state = kinesis._shard_iterators.get(request["ShardIterator"])
    shard = kinesis._streams[state["stream"]]["shards"][state["shard_id"]] if state and status == 200 else {}
    if CLOSED in shard:
        answer = json.loads(body)
        if kinesis._shard_iterators[answer["NextShardIterator"]]["position"] >= len(shard["records"]):
            body = json.dumps(answer | {"NextShardIterator": None}).encode()
    return status, headers, body


def describe_stream_summary(request: dict[str, Any]) -> Any:
    """Describe a stream; only open shards count."""
    status, headers, body = _describe_stream_summary(request)
    answer = json.loads(body)
    if status == 200:
        answer["StreamDescriptionSummary"]["OpenShardCount"] = len(open_shards(kinesis._resolve_stream(request)[1]))
    return status, headers, json.dumps(answer).encode()


def install() -> None:
    """Put all of it in place, also where CloudFormation changes a stream."""
    kinesis._split_shard = kinesis._merge_shards = refuse
    kinesis._update_shard_count, kinesis._route_to_shard = update_shard_count, route_to_shard
    kinesis._get_records, kinesis._describe_stream_summary = get_records, describe_stream_summary
    of_streams = provisioners._RESOURCE_HANDLERS["AWS::Kinesis::Stream"]
    update = of_streams["update"]

    def update_stream(physical_id: str, old: dict[str, Any], new: dict[str, Any], stack_name: str) -> Any:
        changed, shards = update(physical_id, old, new, stack_name), int(new.get("ShardCount", 1))
        if shards != len(open_shards(kinesis._streams[physical_id])):
            status, _, body = update_shard_count({"StreamName": physical_id, "TargetShardCount": shards})
            if status != 200:
                raise ValueError(json.loads(body)["message"])
        return changed

    of_streams["update"] = update_stream
