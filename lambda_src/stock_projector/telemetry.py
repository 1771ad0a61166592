"""What an operator sees of a batch: a log line, a few for what was refused, one for each trouble, and the metrics."""

import time
from collections import Counter
from itertools import islice

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from stock_projector.batch import BatchResult
from stock_projector.events import Refusal

MOST_REFUSALS = 20  # of a batch, that are logged one by one: the quarantine table has them all, and a flood is dear

logger = Logger(service="stock_projector")
metrics = Metrics(namespace="Inventory")  # POWERTOOLS_SERVICE_NAME, the stack's name, tells the stacks apart


def count(result: BatchResult) -> None:
    """Log a batch and add it to the metrics: records by outcome, those that come again, and the oldest one's age."""
    counts = Counter("quarantined" if isinstance(each, Refusal) else str(each) for _, each in result.outcomes)
    counts["failed"] = len(result.failures)
    for name in ("applied", "duplicate", "quarantined", "failed"):
        metrics.add_metric(name=name.capitalize(), unit=MetricUnit.Count, value=counts[name])
    if arrivals := [record.arrived_at for record, _ in (*result.outcomes, *result.failures)]:
        metrics.add_metric(name="OldestRecord", unit=MetricUnit.Seconds, value=max(0.0, time.time() - min(arrivals)))
    logger.info("batch", extra={"records": sum(counts.values())} | counts)
    refused = ((record, outcome) for record, outcome in result.outcomes if isinstance(outcome, Refusal))
    for record, refusal in islice(refused, MOST_REFUSALS):
        place = {"shard_id": record.shard_id, "sequence_number": str(record.sequence_number)}
        logger.warning("quarantined", extra=place | refusal._asdict())
    for error in {repr(error) for _, error in result.failures}:
        logger.error("records have to come again", extra={"error": error})
