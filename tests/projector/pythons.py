"""The projector's tests on every Python from 3.11 to 3.13 that is here, and with the oldest pydantic that it takes.

Run by `make test-pythons`, as `python -m tests.projector.pythons`. Each gets an environment of its own, in the lock's
versions, in `.venv/pythons`. AWS's runtime is Python 3.13; its public layer brings Powertools and pydantic.
"""

import os
import subprocess
import sys
from pathlib import Path

from stock_projector.events import OLDEST_PYDANTIC

from pipeline.paths import ROOT

UV = [str(Path(sys.executable).with_name("uv"))]
VERSIONS = ("3.11", "3.12", "3.13")
OLDEST = ".".join(map(str, (*OLDEST_PYDANTIC, 0)))
NEEDED = (
    "boto3", "aws-lambda-powertools", "pydantic", "pytest", "hypothesis", "psutil", "filelock", "click", "pyyaml",
    "ministack",
)  # fmt: skip


def found() -> dict[str, str]:
    """Return the interpreters that are here, by version: those that uv finds, or else pyenv's. None is downloaded."""
    return {version: python for version in VERSIONS if (python := _python(version))}


def _python(version: str) -> str:
    find = [*UV, "python", "find", "--no-python-downloads", "--no-project", version]
    answer = subprocess.run(find, cwd="/", capture_output=True, text=True)
    of_pyenv = (Path.home() / ".pyenv" / "versions").glob(f"{version}.*/bin/python")
    return answer.stdout.strip() if answer.returncode == 0 else str(next(of_pyenv, ""))


def passes(name: str, python: str, *instead: str) -> bool:
    """Run the tests in an environment of that name; `instead` of the lock's versions, these."""
    folder = ROOT / ".venv" / "pythons" / name
    install = [*UV, "pip", "install", "--quiet", "--python", str(folder)]
    for command in (
        [*UV, "venv", "--quiet", "--allow-existing", "--python", python, str(folder)],
        [*install, "--constraint", "requirements/base.lock", *NEEDED],
        *([[*install, *instead]] if instead else []),
    ):
        subprocess.run(command, cwd=ROOT, check=True)
    env = os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{ROOT / 'lambda_src'}", "PYTHONDONTWRITEBYTECODE": "1"}
    tests = [str(folder / "bin" / "python"), "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/projector"]
    print(f"── {name}", flush=True)
    return subprocess.run(tests, cwd=ROOT, env=env).returncode == 0


def main() -> int:
    """Run them all, and say which Python was not found. Returns the exit status."""
    pythons = found()
    passed = {f"Python {version}": passes(version, python) for version, python in pythons.items()}
    if pythons:
        oldest, python = next(iter(pythons.items()))
        name = f"Python {oldest} with pydantic {OLDEST}"
        passed[name] = passes("oldest-pydantic", python, f"pydantic=={OLDEST}")
    for name, did in passed.items():
        print(f"{name}: {'passed' if did else 'FAILED'}")
    for version in VERSIONS:
        if version not in pythons:
            print(f"Python {version}: not found here, not run")
    return 0 if passed and all(passed.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
