"""What the notebooks need in front of them: a pipeline that runs, one story sent to it once, and what became of it."""

from pipeline.tutorial.by_hand import as_delivered, deliver, imagine, item
from pipeline.tutorial.results import batch_log, history, lags, records
from pipeline.tutorial.sending import Sightings, send_once
from pipeline.tutorial.stacks import open_pipeline, remains, resources, stack_parameters, stop_if_empty

__all__ = [
    "Sightings",
    "as_delivered",
    "batch_log",
    "deliver",
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
]
