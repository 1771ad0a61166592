"""Resolve pyproject.toml anew: writes all locks, and environment.yml. Run it with `make lock`."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

ROOT = Path(__file__).parents[1]
LOCKS = ROOT / "requirements"
COMPILE = [
    f"{sysconfig.get_path('scripts')}/uv", "pip", "compile", "--quiet", "--universal", "--generate-hashes",
    "--python-version", "3.11", "--no-header", "--no-emit-find-links", "--no-emit-index-url",
]  # fmt: skip


def main() -> None:
    """Write all locks, and the conda environment that follows from them."""
    _compile("pyproject.toml", "base.lock")
    _compile("-", "browser.lock", "--constraint", "requirements/base.lock", given="playwright\n")
    _compile("-", "uv.lock", given="uv\n")
    _compile("-", "checkov.lock", given="checkov\n")  # apart from the project, whose versions it cannot share
    (ROOT / "environment.yml").write_text(environment())


def environment() -> str:
    """Write the conda environment: all that the lock holds, in its versions, and the project itself."""
    pinned = re.findall(r"^([a-z0-9._-]+==.+) \\$", (LOCKS / "base.lock").read_text(), re.MULTILINE)
    return (
        "# Written by requirements/lock.py from the lock, for people who use conda. Afterwards:\n"
        "#   conda activate inventory && inventory report\n"
        "name: inventory\nchannels: [conda-forge]\ndependencies:\n"
        "  - python=3.13\n  - pip\n  - pip:\n" + "".join(f"      - {pin}\n" for pin in [*pinned, "-e ."])
    )


def _compile(source: str, lock: str, *options: str, given: str = "") -> None:
    subprocess.run(
        [*COMPILE, source, "-o", f"requirements/{lock}", *options], cwd=ROOT, input=given, text=True, check=True
    )


if __name__ == "__main__":
    sys.exit(main())
