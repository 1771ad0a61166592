"""The snapshots of a stack: one object each in its artifact bucket, under names that sort by time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from tempfile import TemporaryFile
from typing import Any

from pipeline.cloud import Cloud
from pipeline.consistency import snapshot_format
from pipeline.consistency.snapshot_format import DamagedError
from pipeline.consistency.traces import State
from pipeline.reading.stream import Stream
from pipeline.waiting import Tell

FOLDER = "snapshots/"
NAME = f"{FOLDER}%Y-%m-%dT%H%M%S.%fZ.jsonl.gz"
KEPT = 10


@dataclass
class Snapshot:
    """A snapshot that was read."""

    name: str
    state: State
    read_at: float  # when the reading began that it is the result of, epoch seconds


def newest(cloud: Cloud, outputs: dict[str, str], about: Stream, tell: Tell) -> Snapshot | None:
    """Read the newest snapshot that can be used. What is wrong with newer ones is told."""
    there = names(cloud.client("s3"), outputs["ArtifactBucketName"])
    return _first(cloud, outputs, about, sorted(there, reverse=True), tell)


def oldest(cloud: Cloud, outputs: dict[str, str], about: Stream, horizon: float) -> Snapshot | None:
    """Read the oldest snapshot of which the stream still has all that came later: since `horizon`, epoch seconds."""
    there = sorted(names(cloud.client("s3"), outputs["ArtifactBucketName"]))
    while found := _first(cloud, outputs, about, [name for name in there if _taken_at(name) >= horizon], _silent):
        if all(position.arrived_at >= horizon for position in found.state.positions.values()):
            break
        there = [name for name in there if name > found.name]
    return found


def _first(cloud: Cloud, outputs: dict[str, str], about: Stream, of: list[str], tell: Tell) -> Snapshot | None:
    s3, bucket = cloud.client("s3"), outputs["ArtifactBucketName"]
    for name in of:
        try:
            return Snapshot(name, *snapshot_format.read(s3.get_object(Bucket=bucket, Key=name)["Body"], about.arn))
        except DamagedError as error:
            tell(f"{name} is not used: {error}")
        except s3.exceptions.NoSuchKey:
            pass  # another snapshot was just written, and this one had to go
    return None


def _silent(line: str) -> None:
    """Tell nobody."""


def put(cloud: Cloud, outputs: dict[str, str], about: Stream, state: State, read_at: float) -> str:
    """Write a snapshot: the whole object, or none. Then delete those that are not needed any more.

    Returns:
        Its name in the bucket.
    """
    s3, bucket = cloud.client("s3"), outputs["ArtifactBucketName"]
    name = datetime.fromtimestamp(read_at, UTC).strftime(NAME)
    with TemporaryFile() as file:
        snapshot_format.write(file, state, about.arn, read_at)
        file.seek(0)
        s3.put_object(Bucket=bucket, Key=name, Body=file)
    for old in superfluous(list(names(s3, bucket)), read_at - about.retention_hours * cloud.hour_seconds):
        s3.delete_object(Bucket=bucket, Key=old)
    return name


def names(s3: Any, bucket: str) -> Iterator[str]:
    """List the snapshots in a bucket, in no order."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=FOLDER):
        yield from (entry["Key"] for entry in page.get("Contents", []) if _taken_at(entry["Key"]))


def superfluous(existing: list[str], horizon: float) -> list[str]:
    """Say which snapshots may go.

    Kept are the newest ten; beyond them the newest that is older than `horizon` (epoch seconds: what the stream may
    have forgotten), in case the newer ones rest on a mistake; and the oldest of the others, which will take its place.
    """
    beyond = sorted(existing, reverse=True)[KEPT:]
    older = [name for name in beyond if _taken_at(name) < horizon]
    return [name for name in beyond if name not in (older[:1] + [each for each in beyond if each not in older][-1:])]


def _taken_at(name: str) -> float:
    """Return the time in a name, epoch seconds; 0 if it is no snapshot's name."""
    try:
        return datetime.strptime(name, NAME).replace(tzinfo=UTC).timestamp()
    except ValueError:
        return 0.0
