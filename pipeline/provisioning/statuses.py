"""What leads on from each status that CloudFormation gives a stack."""

from typing import Any, Literal

WayOn = Literal["create", "update", "wait", "delete", "finish rollback", "ask"]

WAY_ON: dict[str, WayOn] = {
    "CREATE_COMPLETE": "update",
    "UPDATE_COMPLETE": "update",
    "UPDATE_ROLLBACK_COMPLETE": "update",
    "UPDATE_FAILED": "update",
    "IMPORT_COMPLETE": "update",
    "IMPORT_ROLLBACK_COMPLETE": "update",
    "CREATE_IN_PROGRESS": "wait",
    "ROLLBACK_IN_PROGRESS": "wait",
    "UPDATE_IN_PROGRESS": "wait",
    "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS": "wait",
    "UPDATE_ROLLBACK_IN_PROGRESS": "wait",
    "UPDATE_ROLLBACK_COMPLETE_CLEANUP_IN_PROGRESS": "wait",
    "IMPORT_IN_PROGRESS": "wait",
    "IMPORT_ROLLBACK_IN_PROGRESS": "wait",
    "DELETE_IN_PROGRESS": "wait",
    "CREATE_FAILED": "delete",  # what was never whole can only be deleted
    "ROLLBACK_COMPLETE": "delete",
    "ROLLBACK_FAILED": "delete",
    "DELETE_FAILED": "delete",
    "REVIEW_IN_PROGRESS": "delete",  # a change set was made and not executed: there is nothing in it, and it never ends
    "UPDATE_ROLLBACK_FAILED": "finish rollback",
    "IMPORT_ROLLBACK_FAILED": "ask",
    "DELETE_COMPLETE": "create",
}


def way_on(stack: dict[str, Any] | None) -> WayOn:
    """Return what can be done to have a stack, given as CloudFormation describes it; None: there is none."""
    return WAY_ON.get(stack["StackStatus"], "ask") if stack else "create"
