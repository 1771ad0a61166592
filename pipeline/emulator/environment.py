"""What the processes of the local cloud are told: an environment made from nothing.

A list of what to leave out is never complete: a proxy, a profile, a switch of the emulator or of Python itself would
reach a function. So the variables are named here, one by one, and no other gets in.
"""

import os
from collections.abc import Iterable
from pathlib import Path

from pipeline.paths import ROOT

HOW_PYTHON_FINDS_ITS_FILES = (  # where the interpreter that runs this needs them, the next one does
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "DYLD_FALLBACK_LIBRARY_PATH",
    "PYTHONHOME",
    "PYTHONPLATLIBDIR",
)


def bare(folder: Path, inherited: Iterable[str] = ()) -> dict[str, str]:
    """Return what every process gets.

    Args:
        folder: its temporary folder; an empty home lies in it.
        inherited: more variables that pass as they are, if they are set.
    """
    passed = {name: os.environ[name] for name in (*HOW_PYTHON_FINDS_ITS_FILES, *inherited) if name in os.environ}
    return passed | {
        "PATH": os.defpath,  # Python itself is started by its full name
        "HOME": str(folder / "home"),
        "TMPDIR": str(folder),
        "LANG": "C.UTF-8",
        "TZ": "UTC",  # as in Lambda
        "NO_PROXY": "*",  # macOS keeps proxies in its settings, where Python finds them too
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "PYTHONPATH": str(ROOT),  # they run the code that started them, also where another copy of it is installed
        "PYTHONUTF8": "1",
        "PYTHONSAFEPATH": "1",  # the working directory is no place to import from (-P)
        "PYTHONNOUSERSITE": "1",  # nor is the home directory (-s)
        "PYTHONDONTWRITEBYTECODE": "1",
    }
