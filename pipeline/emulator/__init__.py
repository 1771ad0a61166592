"""The embedded cloud: an AWS emulator and, beside it, the pipe runtime that the emulator lacks.

Two processes that outlive the one that started them and are found again by what they are (see `process.py`). Their
state folder holds `*.log`, `status.json`, `checkpoints/` and `tmp/`.
"""

from pipeline.emulator.cloud import LocalCloud, LocalCloudError, NotRunningError

__all__ = ["LocalCloud", "LocalCloudError", "NotRunningError"]
