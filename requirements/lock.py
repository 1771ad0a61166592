"""Resolve pyproject.toml anew: writes base, lab, browser and uv.lock, and environment.yml. Run it with `make lock`."""

import re
import subprocess
import sys
import sysconfig
import tomllib
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
    _compile("pyproject.toml", "lab.lock", "--extra", "lab", "--constraint", "requirements/base.lock")
    _compile("-", "browser.lock", "--constraint", "requirements/lab.lock", given="playwright\n")
    _compile("-", "uv.lock", given="uv\n")
    (ROOT / "environment.yml").write_text(environment())


def environment() -> str:
    """Write the conda environment: every direct dependency in the version that the lock has."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = [re.split(r"[<>=\[ ]", wanted)[0] for wanted in project["dependencies"]]
    versions = locked(LOCKS / "base.lock")
    pins = "".join(f"      - {name}=={versions[name]}\n" for name in names)
    return (
        "# Written by requirements/lock.py from the lock, for people who use conda. Afterwards:\n"
        "#   conda activate inventory && pip install --no-deps --no-build-isolation -e . && inventory report\n"
        "name: inventory\nchannels: [conda-forge]\ndependencies:\n"
        f"  - python=3.13\n  - pip\n  - pip:\n{pins}"
    )


def locked(lock: Path) -> dict[str, str]:
    """Read a lock: versions by name."""
    return dict(re.findall(r"^([a-z0-9._-]+)==([^ ;\\]+)", lock.read_text(), re.MULTILINE))


def _compile(source: str, lock: str, *options: str, given: str = "") -> None:
    subprocess.run(
        [*COMPILE, source, "-o", f"requirements/{lock}", *options], cwd=ROOT, input=given, text=True, check=True
    )


if __name__ == "__main__":
    sys.exit(main())
