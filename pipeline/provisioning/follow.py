"""Follow a stack while CloudFormation is at work on it."""

from typing import Any

from botocore.exceptions import ClientError

from pipeline.cloud import Cloud
from pipeline.errors import UserError
from pipeline.provisioning.statuses import WAY_ON
from pipeline.waiting import Tell, eventually

STACK_SECONDS = 900
DONE = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "DELETE_COMPLETE")


class Watch:
    """Tells a stack's events as they come. Made before the work begins, so that it can tell the old ones apart."""

    def __init__(self, cloud: Cloud, stack: str, tell: Tell) -> None:
        """Note which events there are; `stack` is a name, or the id under which a deleted stack is still found."""
        self._cloud, self._stack, self._tell = cloud, stack, tell
        self._seen: set[str] = set()
        self._failures: list[str] = []
        self._status = ""
        self._new_events()

    def until_settled(self, or_as: str = "") -> None:
        """Tell the events until the work is done; `or_as` names one more status that counts as done.

        Raises:
            UserError: the work failed, or did not end.
        """
        self.until_over()
        if not self._cloud.is_dry and self._status not in (*DONE, or_as):
            reason = self._failures[0] if self._failures else ""
            raise UserError(f"the stack ended as {self._status}. {reason}".strip())

    def until_over(self) -> None:
        """Tell the events until nobody is at work any more, whatever came of it.

        Raises:
            UserError: that took too long.
        """
        if self._cloud.is_dry:
            return  # nothing was begun
        try:
            eventually(self._is_over, STACK_SECONDS, every=self._cloud.poll_seconds)
        except TimeoutError:
            raise UserError(f"the stack is still {self._status} after {STACK_SECONDS} s") from None

    def _is_over(self) -> bool:
        """Tell what is new, and say whether that was all."""
        stacks = self._cloud.client("cloudformation").describe_stacks(StackName=self._stack)["Stacks"]
        self._status = stacks[0]["StackStatus"] if stacks else "DELETE_COMPLETE"
        for event in reversed(self._new_events()):
            reason = event.get("ResourceStatusReason", "")
            if event["ResourceStatus"].endswith("FAILED"):
                self._failures.append(f"{event['LogicalResourceId']}: {reason}")
            self._tell(f"  {event['LogicalResourceId']:<18} {event['ResourceStatus']}  {reason}".rstrip())
        return WAY_ON.get(self._status) != "wait"

    def _new_events(self) -> list[dict[str, Any]]:
        cloudformation = self._cloud.client("cloudformation")
        try:
            events = cloudformation.describe_stack_events(StackName=self._stack)["StackEvents"]
        except ClientError:
            return []  # there is no stack yet, or none any more
        new = [event for event in events if event["EventId"] not in self._seen]
        self._seen.update(event["EventId"] for event in new)
        return new
