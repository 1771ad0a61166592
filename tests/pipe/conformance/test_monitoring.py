"""What an operator sees."""

import threading
import time
from typing import Any

from pipeline.pipe import metrics
from tests.doubles.errors import client_error
from tests.pipe.harness import LAPTOP, SHARD, Harness, tally_of


def test_metrics_have_the_names_units_and_dimensions_of_aws(harness: Harness) -> None:
    """Guide, eb-pipes-monitoring, "CloudWatch metrics"."""
    sent: list[dict[str, Any]] = []

    class CloudWatch:
        def put_metric_data(self, **data: Any) -> None:
            sent.append(data)

    gathered = metrics.Metrics(lambda: None, lambda: 3, threading.Event())
    for kind in ("taken", "taken", "partially_failed", "failed", "refused", "timed_out", "throttled", "unreachable"):
        gathered.measure("stock-pipe", metrics.Execution(kind, records=10, bytes=500, seconds=0.25))
    gathered.send(CloudWatch())
    gathered.send(CloudWatch())
    [data] = sent
    by_name = {metric["MetricName"]: metric for metric in data["MetricData"]}
    concurrency = by_name.pop("Concurrency")
    sums = {name: metric["StatisticValues"]["Sum"] for name, metric in by_name.items()}
    assert data["Namespace"] == "AWS/EventBridge/Pipes"
    assert sums == {
        "Invocations": 8, "EventCount": 80, "EventSize": 4000, "Duration": 2000.0, "TargetStageDuration": 2000.0,
        "ExecutionFailed": 3, "ExecutionPartiallyFailed": 1, "ExecutionThrottled": 1, "ExecutionTimeout": 1,
        "TargetStageFailed": 5, "TargetStagePartiallyFailed": 1,
    }  # fmt: skip
    units = {name: metric["Unit"] for name, metric in by_name.items()}
    assert {name for name, unit in units.items() if unit == "Milliseconds"} == {"Duration", "TargetStageDuration"}
    assert units["EventSize"] == "Bytes" and units["Invocations"] == "None"
    assert all(metric["Dimensions"] == [{"Name": "PipeName", "Value": "stock-pipe"}] for metric in by_name.values())
    assert concurrency["Value"] == 3 and concurrency["Dimensions"][0]["Name"] == "AwsAccountId"


def test_metrics_that_cannot_be_sent_are_dropped(harness: Harness) -> None:
    """Guide, eb-pipes-monitoring: "CloudWatch metrics are delivered on a best-effort basis"."""

    class CloudWatch:
        def put_metric_data(self, **data: Any) -> None:
            raise client_error("PutMetricData", "InternalFailure", status=500)

    gathered = metrics.Metrics(lambda: None, lambda: 0, threading.Event())
    gathered.measure("stock-pipe", metrics.Execution("taken", 1, 1, 0.1))
    gathered.send(CloudWatch())
    assert not gathered._gathered


def test_the_status_says_how_far_a_shard_is_and_what_is_left(harness: Harness) -> None:
    """Ours: `inventory status`; audit reads the same."""
    held = harness.gate()
    harness.function.does = lambda records: held.wait(30) and None
    harness.kinesis.clock = lambda: time.time() - 60
    numbers = [harness.kinesis.put(LAPTOP, str(n)) for n in range(6)]
    harness.kinesis.clock = time.time
    run = harness.run(batch_size=2)
    harness.eventually(lambda: SHARD in run.readers and run.readers[SHARD].progress.unfinished == 6)
    harness.eventually(lambda: tally_of(run)["behind_seconds"] == 0)
    shard = tally_of(run)
    assert shard["lag_records"] == 6 and 59 < shard["lag_seconds"] < 90
    held.set()
    harness.eventually(lambda: tally_of(run)["batches"] == 3)
    shard = tally_of(run)
    assert (shard["lag_records"], shard["lag_seconds"], shard["unfinished"]) == (0, 0, 0)
    assert (shard["checkpoint"], shard["delivered"], shard["invocations"]) == (numbers[-1], 6, 3)
    assert (shard["drained"], shard["error"], shard["last_error"], shard["last_error_at"]) == (False, "", "", None)
