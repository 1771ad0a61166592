"""What the simulation takes and returns: arriving records, a pipe, a projector; results by part of a shard."""

from dataclasses import dataclass, field
from math import inf

from pipeline.scale.calibration import Work
from pipeline.scale.write_formula import Shares


@dataclass(frozen=True)
class ShardPart:
    """A shard, or one of its parallel parts: it works off one batch at a time.

    Args:
        rate: records a second that arrive.
        shares: of the records, for each product on this part.
        waiting: records that are in the stream from the start.
    """

    rate: float
    shares: Shares
    waiting: int = 0


@dataclass(frozen=True)
class Pipe:
    """How the pipe reads and sends. Times in seconds; `reads_a_second` are records, for one part of a shard."""

    batch_size: int = 1000
    window: float = 0.0
    poll_every: float = 0.25
    reads_a_second: float = 10_000.0


@dataclass(frozen=True)
class Projector:
    """What a batch costs.

    Args:
        work: how long it takes.
        folds: one write for each product in the batch; otherwise one for each record.
        item_units: write units that one write costs the product's own item.
        units_a_second: write units a second that one item takes at most: DynamoDB's cap.
    """

    work: Work
    folds: bool = True
    item_units: float = 1.0
    units_a_second: float = 1000.0


@dataclass
class PartResult:
    """What became of one part of a shard.

    `seen` holds, after every batch: the time, the records not done, the age of the batch's oldest record.
    """

    arrived: int = 0
    done: int = 0
    in_flight: int = 0
    left: int = 0
    invocations: int = 0
    writes: int = 0
    busy: float = 0.0
    ended: float = 0.0
    recovered: float = inf  # seconds after the outage, until nothing waited for longer than a batch
    seen: list[tuple[float, int, float]] = field(default_factory=list)

    @property
    def batch(self) -> float:
        """Return how many records a batch had, on average."""
        return self.done / self.invocations if self.invocations else 0.0

    @property
    def writes_of_an_event(self) -> float:
        """Return how many writes an event cost, on average."""
        return self.writes / self.done if self.done else 0.0
