"""What CloudWatch knows of the pipeline: on AWS the only one who can say how far the pipe is."""

from datetime import UTC, datetime, timedelta
from typing import Any

from pipeline.cloud import Cloud

LOOK_BACK = timedelta(minutes=15)
METRICS = {  # name here → namespace, metric, its dimension, whose name that is (an output), statistic
    "pipe_executions": ("AWS/EventBridge/Pipes", "Invocations", "PipeName", "PipeName", "Sum"),
    "pipe_failures": ("AWS/EventBridge/Pipes", "ExecutionFailed", "PipeName", "PipeName", "Sum"),
    "oldest_read_ms": ("AWS/Kinesis", "GetRecords.IteratorAgeMilliseconds", "StreamName", "StreamName", "Maximum"),
    "throttled_reads": ("AWS/Kinesis", "ReadProvisionedThroughputExceeded", "StreamName", "StreamName", "Sum"),
    "throttled_invocations": ("AWS/Lambda", "Throttles", "FunctionName", "ProjectorName", "Sum"),
}


def lately(cloud: Cloud, outputs: dict[str, str]) -> dict[str, float | None]:
    """Return each metric over the last quarter of an hour; None where CloudWatch has no data point of it.

    CloudWatch is a minute or two behind.
    """
    now = datetime.now(UTC)
    queries: list[dict[str, Any]] = [
        {
            "Id": name,
            "MetricStat": {
                "Metric": {
                    "Namespace": namespace,
                    "MetricName": metric,
                    "Dimensions": [{"Name": dimension, "Value": outputs[output]}],
                },
                "Period": 60,
                "Stat": statistic,
            },
        }
        for name, (namespace, metric, dimension, output, statistic) in METRICS.items()
    ]
    answer = cloud.client("cloudwatch").get_metric_data(
        MetricDataQueries=queries, StartTime=now - LOOK_BACK, EndTime=now + timedelta(minutes=1)
    )
    values = {result["Id"]: result["Values"] for result in answer["MetricDataResults"]}
    over = {name: max if statistic == "Maximum" else sum for name, (*_, statistic) in METRICS.items()}
    return {name: over[name](values[name]) if values.get(name) else None for name in METRICS}


def line(found: dict[str, float | None]) -> str:
    """Write them for people, in one line."""
    text = {name: "?" if value is None else f"{value:,.0f}" for name, value in found.items()}
    oldest = found["oldest_read_ms"]
    behind = "?" if oldest is None else f"{oldest / 1000:,.1f} s"
    return (
        f"{text['pipe_executions']} pipe executions, {text['pipe_failures']} failed; oldest read {behind}; throttled: "
        f"{text['throttled_reads']} reads, {text['throttled_invocations']} invocations"
    )
