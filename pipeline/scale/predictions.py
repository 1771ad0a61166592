"""Predict the drains that the benchmark measured: writes by the formula, time by a fit that has not seen them."""

import pandas as pd

from pipeline.scale import calibration
from pipeline.scale.calibration import FUNCTION
from pipeline.scale.write_formula import StoryShape, expected_writes

PAIRS = {"writes": "formula", "function s": "held out"}


def compare(drains: pd.DataFrame, shards: int) -> pd.DataFrame:
    """Compare every drain of the projector with what the formula, and a fit to the others, predict.

    Args:
        drains: from `benchmark.drains`.
        shards: only drains with that many are fitted to; the others are predicted from all of those.

    Returns:
        One row for each drain: writes, and seconds of the function; measured and predicted.
    """
    fitted = calibration.fitted_with(drains, shards)
    others = drains[(drains["contender"] == "projector") & (drains["shards"] != shards)]
    rows = []
    for number, row in pd.concat([fitted, others], ignore_index=True).iterrows():
        seen = fitted.drop(index=number) if number in fitted.index else fitted
        rows.append(
            {
                "drain": calibration.label(row),
                "writes": row["writes"],
                "formula": expected_writes(StoryShape.of(row), int(row["batch_size"])),
                "function s": row[FUNCTION],
                "held out": float(calibration.predict(calibration.fit(seen, FUNCTION), row)),
            }
        )
    return pd.DataFrame(rows).set_index("drain")


def errors(compared: pd.DataFrame) -> pd.DataFrame:
    """Return the relative errors of the predictions."""
    return pd.DataFrame({actual: compared[predicted] / compared[actual] - 1 for actual, predicted in PAIRS.items()})


def as_text(compared: pd.DataFrame) -> pd.DataFrame:
    """Return the comparison as a reader wants it: measured, predicted, and by how much it is off."""
    off = errors(compared)
    formats = {"writes": "{:,.0f}", "formula": "{:,.0f}"}
    cells = {name: compared[name].map(formats.get(name, "{:.2f}").format) for name in compared}
    for actual, predicted in PAIRS.items():
        cells[predicted] = cells[predicted] + off[actual].map(_off)
    return pd.DataFrame(cells)


def _off(error: float) -> str:
    return f" ({round(error, 2) + 0:+.0%})".replace("-", "−").replace("+0%", "0%")
