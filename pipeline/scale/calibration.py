"""How long a batch takes: three numbers, fitted to the measured drains and tried on those that the fit has not seen.

A drain of k batches, n records and w writes takes  a·k + b·n + c·w  seconds of the function's own run time, which is
what AWS would charge for.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

FACTORS = ("invocations", "events", "writes")
FUNCTION = "lambda_seconds"  # what is fitted
SETTING = ["batch_size", "products", "skew", "shards", "events", "story"]  # what makes two drains the same


@dataclass(frozen=True)
class Work:
    """What a batch takes, in seconds: for itself, for each of its records, for each write. Reads go with the writes."""

    per_batch: float
    per_record: float
    per_write: float

    def seconds(self, records: Any, writes: Any, batches: Any = 1) -> Any:
        """Return how long a batch takes, or several in a row; of numbers, or of columns of them."""
        return batches * self.per_batch + records * self.per_record + writes * self.per_write

    def times(self, factor: float) -> "Work":
        """Return the same work on something slower, or faster."""
        return Work(self.per_batch * factor, self.per_record * factor, self.per_write * factor)

    def __str__(self) -> str:
        """Say it in milliseconds."""
        a, b, c = (1000 * seconds for seconds in (self.per_batch, self.per_record, self.per_write))
        return f"{a:.1f} ms a batch + {b:.3f} ms a record + {c:.2f} ms a write"


def fit(drains: pd.DataFrame, measured: str = FUNCTION) -> Work:
    """Fit the three numbers by least squares of the relative errors, none of them negative.

    Args:
        drains: one row for each drain, from `benchmark.drains`; all of them with as many shards.
        measured: the column to explain, in seconds.
    """
    took = drains[measured].to_numpy(dtype=float)
    factors = drains[list(FACTORS)].to_numpy(dtype=float) / took[:, None]
    return Work(*_least_squares(factors, np.ones_like(took)))


def _least_squares(factors: npt.NDArray[np.float64], goal: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Try every subset of the factors and keep the best with no negative number: with three of them that is exact."""
    best, least = np.zeros(factors.shape[1]), float(goal @ goal)
    for size in range(1, factors.shape[1] + 1):
        for subset in map(list, combinations(range(factors.shape[1]), size)):
            solution = np.linalg.lstsq(factors[:, subset], goal, rcond=None)[0]
            error = float(((factors[:, subset] @ solution - goal) ** 2).sum())
            if (solution >= 0).all() and error < least - 1e-12:
                best, least = np.zeros(factors.shape[1]), error
                best[subset] = solution
    return best


def predict(work: Work, drains: pd.DataFrame | pd.Series) -> Any:
    """Return how long each drain should have taken, in seconds."""
    return work.seconds(batches=drains["invocations"], records=drains["events"], writes=drains["writes"])


def fitted_with(drains: pd.DataFrame, shards: int) -> pd.DataFrame:
    """Return the drains that a fit is made of: the projector's, with that many shards, each setting once."""
    rows = drains[(drains["contender"] == "projector") & (drains["shards"] == shards)]
    return rows.drop_duplicates(SETTING).reset_index(drop=True)


def label(drain: pd.Series) -> str:
    """Name a drain by what it was set to."""
    of_what = f"{int(drain['products']):,} products, skew {drain['skew']:g}"
    shards = "1 shard" if drain["shards"] == 1 else f"{drain['shards']} shards"
    return f"{of_what}, batch {int(drain['batch_size']):,}, {shards} ({drain['story']})"
