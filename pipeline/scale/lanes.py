"""What the simulation is about: what arrives where, how it is read and sent, what a batch costs, how it went."""

from dataclasses import dataclass, field
from math import inf

from pipeline.scale.calibration import Work
from pipeline.scale.writes import Shares


@dataclass(frozen=True)
class Lane:
    """What is worked off one batch at a time: a shard, or one of the parallel parts of a shard.

    Args:
        rate: records a second that arrive.
        shares: of the records, for each product of the lane.
        waiting: records that are in the stream from the start.
    """

    rate: float
    shares: Shares
    waiting: int = 0


@dataclass(frozen=True)
class Pipe:
    """How the pipe reads and sends. Times in seconds; `reads_a_second` are records, for one lane."""

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
class Course:
    """How one lane went. `seen` holds, after every batch: the time, the records not done, the age of its oldest one."""

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
