"""Where things lie in the repository, and how its command line is called from where somebody stands."""

import os
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
TEMPLATE = ROOT / "infra" / "stack.yaml"
OBSERVABILITY = ROOT / "infra" / "observability.yaml"


def command_line(*words: str) -> str:
    """Write a call of the command line as it can be typed here, for a message that says what to do next."""
    program = Path(sys.prefix) / "bin" / "inventory"
    if shutil.which("inventory") == str(program):
        return " ".join(["inventory", *words])
    near = os.path.relpath(program)
    return " ".join([str(program) if near.startswith("..") else near, *words])
