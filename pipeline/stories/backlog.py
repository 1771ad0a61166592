"""What is still to be sent: of each product one record at a time, or its order could be lost."""

from collections import defaultdict, deque
from collections.abc import Iterable
from heapq import heapify, heappop, heappush

from pipeline.stories.scenarios import NewRecord

MOST_BYTES = 4 * 1024 * 1024  # in one PutRecords, of the 5 MB that it takes

Placed = tuple[int, NewRecord]  # a record with its place in the story


class Backlog:
    """What is still to be sent. Offers the earliest records, of each partition key one at a time."""

    def __init__(self, records: Iterable[Placed]) -> None:
        self._waiting: dict[str, deque[Placed]] = defaultdict(deque)
        for place, record in records:
            self._waiting[record.partition_key].append((place, record))
        self._ready: list[tuple[int, str]] = [(queue[0][0], key) for key, queue in self._waiting.items()]
        heapify(self._ready)

    def take(self, most: int) -> list[Placed]:
        """Take the records of one request."""
        taken: list[Placed] = []
        room = MOST_BYTES
        while self._ready and len(taken) < most:
            place, record = self._waiting[self._ready[0][1]][0]
            room -= len(record.data) + len(record.partition_key)
            if room < 0 and taken:
                break
            heappop(self._ready)
            taken.append((place, record))
        return taken

    def accepted(self, partition_key: str) -> None:
        """Let the key's next record come."""
        self._waiting[partition_key].popleft()
        self.again(partition_key)

    def again(self, partition_key: str) -> None:
        """Offer what comes next under a key: after a failure, the same record."""
        queue = self._waiting[partition_key]
        if queue:
            heappush(self._ready, (queue[0][0], partition_key))
