"""The pipe runtime, fact by fact. A test's name is the fact; the docstring says where it is from.

Sources: "guide" is the EventBridge user guide, by page (eb-pipes-kinesis and so on); "API model" is the Pipes API as
botocore carries it; "Lambda guide" is AWS Lambda's, where the pipe's own is silent; (?) marks our reading of a gap.
"""

from collections.abc import Callable
from importlib import import_module
from pathlib import Path

SUBJECTS = (  # a file of this folder each, in the order of docs/pipe-conformance.md
    "records_and_order",
    "starting_position",
    "batches",
    "polling",
    "parallelization",
    "retries",
    "answers",
    "bisect",
    "dead_letters",
    "checkpoints",
    "life_of_a_pipe",
    "filters",
    "input_templates",
    "trouble",
    "monitoring",
)


def facts() -> dict[str, Callable[..., None]]:
    """Return every test of the suite by its name, subject by subject."""
    files = {file.stem.removeprefix("test_") for file in Path(__file__).parent.glob("test_*.py")}
    modules = [import_module(f"{__name__}.test_{subject}") for subject in sorted(files, key=SUBJECTS.index)]
    return {name: test for module in modules for name, test in vars(module).items() if name.startswith("test_")}
