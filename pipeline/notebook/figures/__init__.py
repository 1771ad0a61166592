"""The figures of a run. Each is drawn from data of the run, and its caption states what these data show.

All are returned as `Drawing`, for `pipeline.notebook.figure(*drawing)`. Outcomes have the same colour in every figure.
"""

from pipeline.notebook.figures.batches import count_writes, outcomes, writes
from pipeline.notebook.figures.history import product_history
from pipeline.notebook.figures.sending import as_it_happened, lag, live, shards
from pipeline.notebook.figures.stock import stock_over_time
from pipeline.notebook.figures.style import EVENT_TYPES, Drawing

__all__ = [
    "EVENT_TYPES", "Drawing", "as_it_happened", "count_writes", "lag", "live", "outcomes", "product_history", "shards",
    "stock_over_time", "writes",
]  # fmt: skip
