"""Every status that CloudFormation has leads on, in a few steps: `up` ends with a stack, `down` without one."""

from types import SimpleNamespace
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from pipeline.errors import UserError
from pipeline.provisioning import stack
from pipeline.provisioning.statuses import WAY_ON

ENDS_AS = {  # work that somebody else began
    "CREATE_IN_PROGRESS": "CREATE_COMPLETE",
    "ROLLBACK_IN_PROGRESS": "ROLLBACK_COMPLETE",
    "UPDATE_IN_PROGRESS": "UPDATE_COMPLETE",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_COMPLETE",
    "UPDATE_ROLLBACK_IN_PROGRESS": "UPDATE_ROLLBACK_FAILED",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "UPDATE_ROLLBACK_COMPLETE",
    "IMPORT_IN_PROGRESS": "IMPORT_COMPLETE",
    "IMPORT_ROLLBACK_IN_PROGRESS": "IMPORT_ROLLBACK_COMPLETE",
    "DELETE_IN_PROGRESS": "DELETE_FAILED",
}
STATUSES = botocore.session.get_session().get_service_model("cloudformation").shape_for("StackStatus").enum


class CloudFormation:
    """One stack, and what was asked of it. Each look finds it a step further."""

    def __init__(self, status: str) -> None:
        self.status, self.asked, self.looks = status, list[str](), 0

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        self.looks += 1
        assert self.looks < 50, "it waits for something that never comes"
        if self.status == "DELETE_COMPLETE" and StackName != "id":
            raise ClientError(
                {"Error": {"Code": "ValidationError", "Message": "shop does not exist"}}, "DescribeStacks"
            )
        found = {"StackName": "shop", "StackId": "id", "StackStatus": self.status, "Outputs": [], "Parameters": []}
        self.status = ENDS_AS.get(self.status, self.status)
        return {"Stacks": [found]}

    def describe_stack_events(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        return {"StackEvents": []}

    def create_stack(self, **request: Any) -> None:
        self.sent = request
        self._ask("create", "CREATE_IN_PROGRESS")

    def update_stack(self, **request: Any) -> None:
        self.sent = request
        self._ask("update", "UPDATE_IN_PROGRESS")

    def delete_stack(self, **_: Any) -> None:
        self._ask("delete", "DELETE_COMPLETE")

    def continue_update_rollback(self, StackName: str) -> None:  # noqa: N803
        self._ask("finish", "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS")

    def _ask(self, what: str, status: str) -> None:
        assert "ROLLBACK_FAILED" not in self.status or what != "update", "AWS refuses that"
        self.asked.append(what)
        self.status = status


def cloud(cloudformation: CloudFormation) -> Any:
    return SimpleNamespace(
        name="aws", is_dry=False, poll_seconds=0.0, client=lambda name: cloudformation,
        powertools_layer_arn=lambda: "arn:aws:layer:7",
    )  # fmt: skip


def test_no_status_is_left_out():
    assert set(WAY_ON) == set(STATUSES)


@pytest.mark.parametrize("status", [status for status in STATUSES if status != "IMPORT_ROLLBACK_FAILED"])
def test_up_leads_to_a_stack_and_down_to_none(status):
    there = CloudFormation(status)
    stack.provision(cloud(there), "shop", tell=lambda line: None)
    assert there.asked[-1] in ("create", "update")
    assert there.status.endswith("_COMPLETE")
    there = CloudFormation(status)
    stack.delete(cloud(there), "shop", tell=lambda line: None)
    assert there.status == "DELETE_COMPLETE"


@pytest.mark.parametrize("status", ["IMPORT_ROLLBACK_FAILED", "A_STATUS_OF_TOMORROW"])
def test_what_nobody_can_decide_is_for_a_person(status):
    there = CloudFormation(status)
    with pytest.raises(UserError, match=f"the stack shop is {status}: CloudFormation's console says why"):
        stack.provision(cloud(there), "shop", tell=lambda line: None)
    assert there.asked == []


def test_a_stack_that_never_gets_any_further_is_given_up():
    there = CloudFormation("DELETE_FAILED")
    there.delete_stack = lambda **_: there._ask("delete", "DELETE_IN_PROGRESS")  # type: ignore[method-assign]
    with pytest.raises(UserError, match="the stack ended as DELETE_FAILED"):
        stack.provision(cloud(there), "shop", tell=lambda line: None)
    assert there.asked == ["delete"]


@pytest.mark.parametrize(("status", "given", "sent"), [
    ("DELETE_COMPLETE", {}, "arn:aws:layer:7"),
    ("DELETE_COMPLETE", {"PowertoolsLayerArn": "arn:aws:lambda:us-east-2:123456789012:layer:own:1"}, "own:1"),
    ("CREATE_COMPLETE", {}, None),
])  # fmt: skip
def test_a_layer_is_looked_up_for_a_new_stack_and_kept_from_then_on(status, given, sent):
    there = CloudFormation(status)
    stack.provision(cloud(there), "shop", given, tell=lambda line: None)
    values = {each["ParameterKey"]: each["ParameterValue"] for each in there.sent["Parameters"]}
    assert ("PowertoolsLayerArn" in values) == bool(sent)
    assert values.get("PowertoolsLayerArn", "").endswith(sent or "")
