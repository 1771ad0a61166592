"""The pipes' numbers as CloudWatch metrics, under the names that AWS uses, so that dashboards and alarms can be tried.

Best effort, as on AWS: what cannot be sent is dropped, and no delivery ever waits for it.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable
from threading import Event, Lock
from typing import Any

from pipeline.pipe import target
from pipeline.pipe.delivery import Execution
from pipeline.pipe.restarting import RestartingThread

NAMESPACE = "AWS/EventBridge/Pipes"
SEND_SECONDS = 5.0
COUNTED = {  # metric → the outcomes that it counts; 0 where there were none
    "ExecutionFailed": (target.FAILED, target.REFUSED, target.UNREACHABLE),
    "ExecutionPartiallyFailed": (target.PARTIALLY_FAILED,),
    "ExecutionThrottled": (target.THROTTLED,),
    "ExecutionTimeout": (target.TIMED_OUT,),
    "TargetStageFailed": (target.FAILED, target.REFUSED, target.UNREACHABLE, target.THROTTLED, target.TIMED_OUT),
    "TargetStagePartiallyFailed": (target.PARTIALLY_FAILED,),
}

log = logging.getLogger("pipes")


class Metrics(RestartingThread):
    """Gathers what the pipes measure and sends it every few seconds."""

    def __init__(
        self, cloudwatch: Callable[[], Any], account_id: str, concurrency: Callable[[], int], stop: Event
    ) -> None:
        """Prepare to send.

        Args:
            cloudwatch: makes the client.
            account_id: whose pipes they are.
            concurrency: says how many executions are under way.
            stop: set when the runtime stops.
        """
        super().__init__("metrics", stop)
        self._cloudwatch, self._account_id, self._concurrency = cloudwatch, account_id, concurrency
        self._gathered: dict[str, list[Execution]] = defaultdict(list)
        self._lock = Lock()

    def measure(self, pipe_name: str, execution: Execution) -> None:
        """Note one execution."""
        with self._lock:
            self._gathered[pipe_name].append(execution)

    def work(self) -> None:
        """Send what was gathered, again and again, and once more at the end."""
        cloudwatch = self._cloudwatch()
        while not self.stop.wait(SEND_SECONDS):
            self.send(cloudwatch)

    def send(self, cloudwatch: Any) -> None:
        """Send what was gathered since the last time."""
        with self._lock:
            gathered, self._gathered = self._gathered, defaultdict(list)
        for pipe_name, executions in gathered.items():
            log.info("%s: %s", pipe_name, summary(executions))
            try:
                data = [*data_of(pipe_name, executions), concurrency_of(self._account_id, self._concurrency())]
                cloudwatch.put_metric_data(Namespace=NAMESPACE, MetricData=data)
            except Exception as error:
                log.warning("metrics of %s were dropped: %s", pipe_name, error)


def data_of(pipe_name: str, executions: list[Execution]) -> list[dict[str, Any]]:
    """Return a pipe's metrics over some executions."""
    dimensions = [{"Name": "PipeName", "Value": pipe_name}]

    def datum(name: str, unit: str, values: Iterable[float]) -> dict[str, Any]:
        all_of_them = list(values)
        statistics = {
            "SampleCount": len(all_of_them),
            "Sum": sum(all_of_them),
            "Minimum": min(all_of_them),
            "Maximum": max(all_of_them),
        }
        return {"MetricName": name, "Dimensions": dimensions, "Unit": unit, "StatisticValues": statistics}

    return [
        datum("Invocations", "None", (1 for _ in executions)),
        datum("EventCount", "None", (execution.records for execution in executions)),
        datum("EventSize", "Bytes", (execution.bytes for execution in executions)),
        datum("Duration", "Milliseconds", (execution.seconds * 1000 for execution in executions)),
        datum("TargetStageDuration", "Milliseconds", (execution.seconds * 1000 for execution in executions)),
        *(
            datum(name, "None", (execution.kind in kinds for execution in executions))
            for name, kinds in COUNTED.items()
        ),
    ]


def summary(executions: list[Execution]) -> str:
    """Say in one line what executions came to."""
    records = sum(execution.records for execution in executions if execution.kind == target.TAKEN)
    failed = sum(execution.kind != target.TAKEN for execution in executions)
    slowest = max(execution.seconds for execution in executions)
    return f"{len(executions)} invocations, {records} records taken, {failed} failed, the slowest took {slowest:.2f} s"


def concurrency_of(account_id: str, executions: int) -> dict[str, Any]:
    """Return the account's one metric: how many executions are under way."""
    dimensions = [{"Name": "AwsAccountId", "Value": account_id}]
    return {"MetricName": "Concurrency", "Dimensions": dimensions, "Unit": "None", "Value": executions}
