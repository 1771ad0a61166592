"""One set of versions: the lock's. environment.yml says the same to conda, and no file names a registry."""

import re
import tomllib
from pathlib import Path
from runpy import run_path

import pytest
import yaml

ROOT = Path(__file__).parents[2]
LOCK = ROOT / "requirements" / "base.lock"
REQUIREMENTS = ROOT / "requirements"


def normal(name):
    return re.sub(r"[-_.]+", "-", name).lower()


def locked():
    """Return every version that the lock allows, by package: a package may have one for each Python."""
    versions = {}
    for name, version in re.findall(r"^([A-Za-z0-9._-]+)(?:\[[^\]]*\])?==([^\s;\\]+)", LOCK.read_text(), re.MULTILINE):
        versions.setdefault(normal(name), set()).add(version)
    return versions


def direct_dependencies():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {normal(re.match(r"[A-Za-z0-9._-]+", line)[0]): line for line in project["dependencies"]}


def conda():
    """Return the Python of environment.yml, and what pip is to install there."""
    environment = yaml.safe_load((ROOT / "environment.yml").read_text())
    [pip] = [each["pip"] for each in environment["dependencies"] if isinstance(each, dict)]
    [python] = [each for each in environment["dependencies"] if isinstance(each, str) and each.startswith("python")]
    return python, pip


def test_environment_yml_is_what_the_lock_says():
    assert (ROOT / "environment.yml").read_text() == run_path(str(REQUIREMENTS / "lock.py"))["environment"]()


def test_environment_yml_has_every_version_of_the_lock_and_the_project_itself():
    *pinned, project = conda()[1]
    versions = {}
    for name, version in (re.match(r"([^=]+)==([^ ;]+)", line).groups() for line in pinned):
        versions.setdefault(normal(name), set()).add(version)
    assert versions == locked()
    assert project == "-e ."


def test_environment_yml_takes_a_python_that_the_project_supports():
    python, _ = conda()
    major, minor = (int(part) for part in re.search(r"(\d+)\.(\d+)", python).groups())
    assert (major, minor) >= (3, 11)


def test_the_lock_has_every_direct_dependency():
    assert direct_dependencies().keys() <= locked().keys()


def test_the_emulators_floor_is_said_aloud():
    assert ">=1.5.33" in direct_dependencies()["ministack"].replace(" ", "")


def test_every_line_of_the_locks_is_pinned_by_hash():
    for lock in REQUIREMENTS.glob("*.lock"):
        blocks = re.split(r"\n(?=[A-Za-z0-9])", lock.read_text())
        for block in blocks:
            if "==" in block.splitlines()[0]:
                assert "--hash=sha256:" in block, f"{lock.name}: {block.splitlines()[0]}"


@pytest.mark.parametrize(
    "path",
    [*sorted(REQUIREMENTS.iterdir()), ROOT / "environment.yml", ROOT / "pyproject.toml"],
    ids=lambda path: path.name,
)
def test_no_file_names_a_host(path):
    text = path.read_text()
    assert not re.search(r"https?://|--(?:extra-)?index-url|--find-links|trusted-host", text)
