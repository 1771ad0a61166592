"""What the notebooks need in front of them: a pipeline that runs, one story sent to it once, and what became of it."""

from pipeline.notebook.by_hand import as_delivered, deliver, imagine, item
from pipeline.notebook.parameters import check_parameters
from pipeline.notebook.results import batch_log, history, lags, records
from pipeline.notebook.sending import Sightings, send_once
from pipeline.notebook.show import check, code, figure, style, table
from pipeline.notebook.stacks import open_pipeline, remains, resources, stack_parameters, stop_if_empty

__all__ = [
    "Sightings",
    "as_delivered",
    "batch_log",
    "check",
    "check_parameters",
    "code",
    "deliver",
    "figure",
    "history",
    "imagine",
    "item",
    "lags",
    "open_pipeline",
    "records",
    "remains",
    "resources",
    "send_once",
    "stack_parameters",
    "stop_if_empty",
    "style",
    "table",
]
