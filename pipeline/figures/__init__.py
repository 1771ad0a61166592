"""The figures of a run. Each is drawn from data of the run, and its caption states what these data show.

All are returned as `Drawing`, for `pipeline.report.figure(*drawing)`. Outcomes have the same colour in every figure.
"""

from pipeline.figures.batches import count_writes, outcomes, writes
from pipeline.figures.look import EVENT_TYPES, Drawing
from pipeline.figures.sending import as_it_happened, lag, live, shards
from pipeline.figures.stock import stock_over_time

__all__ = [
    "EVENT_TYPES", "Drawing", "as_it_happened", "count_writes", "lag", "live", "outcomes", "shards", "stock_over_time",
    "writes",
]  # fmt: skip
