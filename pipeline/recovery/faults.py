"""Break the local cloud on purpose, by name and for a time: `inventory fault`, and a `with` for notebooks."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from pipeline.cloud import Cloud


@contextmanager
def fault(
    cloud: Cloud, name: str, percent: int = 100, seconds: float = 60, operations: Collection[str] = ()
) -> Iterator[None]:
    """Have a fault in force within the block, and not longer than the given seconds.

    Raises:
        WrongUsageError: there is no such fault, or the cloud is not one that can be broken.
    """
    cloud.breakable().inject(name, percent, seconds, operations)
    try:
        yield
    finally:
        cloud.breakable().clear_faults(name)
