"""The sent log: where every accepted record lies, and how far the sending of a story came."""

import json
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager
from hashlib import blake2b
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

from pipeline.errors import UserError
from pipeline.stories.scenarios import NewRecord

Accepted = tuple[int, NewRecord, dict[str, Any]]  # a place in the story, its record, and what Kinesis said of it


class SentLog(AbstractContextManager["SentLog"]):
    """Appends to the log while one story is sent: one JSON line for every accepted record.

    A sending is named in its lines, with the place that each record has in the story: so one that was stopped can be
    told from one that was finished, and goes on where it stopped.
    """

    def __init__(self, path: Path, story: Sequence[NewRecord], resume: bool) -> None:
        """Open the log, or raise a `UserError` before anything is sent.

        Args:
            path: the log; its folder is made.
            story: what is going to be sent.
            resume: whether to send only what the last sending of this story left; nothing, if that was finished.
        """
        sending, accepted = _last_sending(path, story) if resume else ("", set[int]())
        self.left = [place for place in range(len(story)) if place not in accepted]
        self._sending = sending or f"{_identity(story)}/{uuid4().hex[:8]}"
        self._file = _open(path)

    def note(self, accepted: Sequence[Accepted]) -> None:
        """Write down where accepted records lie, and that they were accepted now."""
        now = round(time.time(), 3)
        for place, record, result in accepted:
            line = {
                "partition_key": record.partition_key,
                "shard_id": result["ShardId"],
                "sequence_number": result["SequenceNumber"],
                "accepted_at": now,
                "sending": self._sending,
                "place": place,
            }
            self._file.write(json.dumps(line) + "\n")
        self._file.flush()

    def __exit__(self, *_: object) -> None:
        """Close the file."""
        self._file.close()


def remaining(path: Path, story: Sequence[NewRecord]) -> int:
    """Return how many records of the story its last sending left; all of them, if there was none."""
    return len(story) - len(_last_sending(path, story)[1])


def _last_sending(path: Path, story: Sequence[NewRecord]) -> tuple[str, set[int]]:
    """Find the last sending of a story: its name (empty if there was none), and the places that were accepted."""
    identity, name, places = _identity(story), "", set[int]()
    if not path.is_file():
        return name, places
    with path.open(errors="replace") as lines:
        for line in lines:
            if identity in line and line.endswith("}\n"):  # the end of a log may be torn
                noted = json.loads(line)
                if noted["sending"] != name:
                    name, places = noted["sending"], set()
                places.add(noted["place"])
    return name, places


def _identity(story: Sequence[NewRecord]) -> str:
    """Tell a story from every other one by its bytes, keys and order."""
    digest = blake2b(digest_size=8)
    for record in story:
        digest.update(b"%d %d " % (len(record.data), len(record.partition_key)) + record.data)
        digest.update(record.partition_key.encode())
    return digest.hexdigest()


def _open(path: Path) -> TextIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("a")
    except OSError as error:
        raise UserError(f"cannot write the sent log {path}: {error.strerror}") from error
