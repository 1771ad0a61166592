"""What the notebooks need in front of them: a pipeline that runs, one story sent to it once, and what became of it."""

from pipeline.notebook.by_hand import as_delivered, deliver, item, records_of, sample_record
from pipeline.notebook.one_line import show_errors_in_one_line
from pipeline.notebook.parameters import check_parameters
from pipeline.notebook.results import batch_log, history, lags
from pipeline.notebook.sending import ensure_sent, only_sender, records, send_by_hand, send_story, sending_again
from pipeline.notebook.show import check, code, figure, sentence, style, table
from pipeline.notebook.stacks import (
    deploy,
    open_pipeline,
    provision,
    remains,
    resources,
    stack_parameters,
    stop_if_empty,
    take_down,
)
from pipeline.notebook.table_reads import TableReads

__all__ = [
    "TableReads",
    "as_delivered",
    "batch_log",
    "check",
    "check_parameters",
    "code",
    "deliver",
    "deploy",
    "ensure_sent",
    "figure",
    "history",
    "item",
    "lags",
    "only_sender",
    "open_pipeline",
    "provision",
    "records",
    "records_of",
    "remains",
    "resources",
    "sample_record",
    "send_by_hand",
    "send_story",
    "sending_again",
    "sentence",
    "stack_parameters",
    "stop_if_empty",
    "style",
    "table",
    "take_down",
]

show_errors_in_one_line()
