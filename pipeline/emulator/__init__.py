"""The embedded cloud: an AWS emulator and, beside it, the pipe runtime that the emulator lacks.

Two processes that outlive the one that started them, found again through files in one state folder:
`emulator.json` and `pipes.json` (who and where), `*.log`, and `checkpoints/`. Of the rest of this project it
needs only `pipeline.waiting`.
"""

from pipeline.emulator.cloud import LocalCloud, LocalCloudError, NotRunningError

__all__ = ["LocalCloud", "LocalCloudError", "NotRunningError"]
