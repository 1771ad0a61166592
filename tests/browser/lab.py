"""JupyterLab as `make lab` starts it, in a copy of the repository, with settings and a local cloud of its own."""

import json
import os
import secrets
import shutil
import socket
import subprocess
import sys
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nbformat
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Page

from pipeline.paths import ROOT

LONGEST_RUN_MS = 180_000
CHECK = "application/vnd.inventory.check+json"

# JupyterLab shows its application to scripts if it is started with --expose-app-in-browser; this is the open notebook.
NOTEBOOK = "window.jupyterapp?.shell.currentWidget"
CODE = f"[...{NOTEBOOK}.content.model.cells].filter((cell) => cell.type === 'code')"
IS_READY = f"() => {NOTEBOOK}?.context?.isReady && {NOTEBOOK}.context.path === path && " \
    f"{NOTEBOOK}.sessionContext.session?.kernel?.status === 'idle'"  # fmt: skip
HAS_RUN = f"() => {NOTEBOOK}.sessionContext.session.kernel.status === 'idle' && " \
    f"({CODE}.every((cell) => cell.executionCount) || {CODE}.some((cell) => " \
    "cell.outputs.toJSON().some((output) => output.output_type === 'error')))"  # fmt: skip
# Every picture that a reader saw in the window, once for each time that it changed.
WATCH = """() => {
  window.seen = new Set();
  const look = () => {
    for (const image of document.querySelectorAll(".jp-OutputArea-output figure img")) {
      const at = image.getBoundingClientRect();
      if (image.complete && at.height && at.top < innerHeight && at.bottom > 0) window.seen.add(image.src);
    }
    requestAnimationFrame(look);
  };
  look();
}"""


@dataclass(frozen=True)
class Lab:
    """A server that runs, and how to get in."""

    url: str
    token: str
    place: Path

    def plant(self, *sources: str) -> Path:
        """Put a notebook of these cells beside the others."""
        path = self.place / "notebooks" / "planted.ipynb"
        kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
        nbformat.write(new_notebook(cells=[new_code_cell(source) for source in sources], metadata=kernel), path)
        return path

    def changes(self) -> str:
        """What git says has changed."""
        status = ["git", "status", "--porcelain"]
        return subprocess.run(status, cwd=self.place, capture_output=True, text=True, check=True).stdout

    def put_back(self) -> None:
        """Take back every change."""
        subprocess.run(["git", "checkout", "-q", "."], cwd=self.place, check=True)

    def get(self, path: str) -> int:
        """Ask the server for a file; returns the status of the answer."""
        url = f"{self.url}/api/contents/{urllib.parse.quote(path)}?content=0&token={self.token}"
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as refused:
            return refused.code

    def open(self, page: Page, notebook: Path) -> None:
        """Open a notebook, and wait until its kernel can take a cell."""
        path = f"notebooks/{notebook.name}"
        page.goto(f"{self.url}/lab/tree/{path}?token={self.token}&reset")
        page.wait_for_function(IS_READY.replace("path &&", f"{path!r} &&"), timeout=60_000)


def run_all(page: Page) -> list[dict[str, Any]]:
    """Run all cells, as a person would, to the end. Returns the cells, with what they show."""
    start_run(page)
    return wait_for_the_end(page)


def wait_for_the_end(page: Page) -> list[dict[str, Any]]:
    """Wait until every cell has run, or one has failed. Returns the cells, with what they show."""
    page.wait_for_function(HAS_RUN, timeout=LONGEST_RUN_MS)
    cells: list[dict[str, Any]] = page.evaluate(f"() => {NOTEBOOK}.content.model.toJSON().cells")
    return cells


def save(page: Page) -> None:
    """Save the notebook, as Ctrl-S does, and wait until the server has it."""
    page.evaluate(f"async () => {{ await {NOTEBOOK}.context.save(); }}")


def export(page: Page, name: str) -> str:
    """Choose File, Save and Export Notebook As, and read what the browser is given in a window of its own."""
    page.evaluate("() => { window.open = (url) => { window.exported = url; } }")
    page.locator(".lm-MenuBar-item", has_text="File").click()
    page.locator(".lm-Menu-item", has_text="Save and Export Notebook As").hover()
    page.get_by_role("menuitem", name=name, exact=True).click()
    if name == "HTML":  # JupyterLab asks whether to sanitize, which is its default
        page.get_by_role("button", name="Ok").click()
    page.wait_for_function("() => window.exported")
    exported: str = page.evaluate("""async () => {
      const answer = await fetch(window.exported), text = await answer.text();
      window.exported = "";
      if (!answer.ok) throw new Error(text);
      return text;
    }""")
    return exported


def start_run(page: Page) -> None:
    """Clear what is shown, then choose Run, Run All Cells."""
    page.evaluate("window.jupyterapp.commands.execute('notebook:clear-all-cell-outputs')")
    page.locator(".lm-MenuBar-item", has_text="Run").click()
    page.get_by_role("menuitem", name="Run All Cells", exact=True).click()


def scroll_to(page: Page, source: str) -> None:
    """Bring the code cell into view that has these words."""
    page.evaluate(
        """async (words) => {
          const content = window.jupyterapp.shell.currentWidget.content;
          const index = content.widgets.findIndex((cell) =>
            cell.model.type === "code" && cell.model.sharedModel.getSource().includes(words));
          await content.scrollToItem(index, "start");
        }""",
        source,
    )


def trouble(cells: list[dict[str, Any]]) -> list[str]:
    """Name what a reader would stumble over: an error, a failed check, a word on stderr, a cell that has not run."""
    found = []
    for cell in cells:
        for output in cell.get("outputs", []):
            if output["output_type"] == "error":
                found.append(f"{output['ename']}: {output['evalue']}")
            elif output.get("name") == "stderr":
                found.append(f"stderr: {''.join(output['text'])}")
            elif not output.get("data", {}).get(CHECK, {"passed": True})["passed"]:
                found.append(f"a check failed: {output['data'][CHECK]['claim']}")
        if cell["cell_type"] == "code" and not cell["execution_count"]:
            found.append(f"has not run: {''.join(cell['source'])[:60]}")
    return found


@contextmanager
def running(place: Path, eventually: Callable[..., Any]) -> Iterator[Lab]:
    """`make lab` on a free port of 127.0.0.1; at the end stop it, its kernels and the local cloud."""
    clone = place / "clone"
    _copy_repository(clone)
    lab, env = Lab(f"http://127.0.0.1:{_free_port()}", secrets.token_hex(), clone), _env(place, clone)
    with (place / "server.log").open("w") as log:
        server = subprocess.Popen(_command(lab), cwd=clone, env=env, stdout=log, stderr=log)
        try:
            eventually(lambda: _answers(lab) or server.poll() is not None, "JupyterLab answers", 60)
            assert server.poll() is None, (place / "server.log").read_text()
            yield lab
        finally:
            server.terminate()  # make hands it on
            server.wait(30)
            subprocess.run(
                [sys.executable, "-m", "pipeline", "down", "--all"], cwd=ROOT, env=env, timeout=120, check=True
            )


def _copy_repository(clone: Path) -> None:
    """Copy what git would know, as it stands here, into a repository of its own that has no change."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    (clone / ".venv").symlink_to(sys.prefix)
    git = ["git", "-c", "user.name=Reader", "-c", "user.email=reader@example.org"]
    for words in (["init", "-q"], ["add", "--all"], ["commit", "-qm", "As it stands"]):
        subprocess.run([*git, *words], cwd=clone, check=True)


def _command(lab: Lab) -> list[str]:
    flags = ["--no-browser", "--expose-app-in-browser", "--ip=127.0.0.1", f"--port={lab.url.rpartition(':')[2]}"]
    flags += ["--ServerApp.port_retries=0", f"--IdentityProvider.token={lab.token}"]
    return ["make", "-o", ".venv/.ready", "lab", f"LAB_FLAGS={' '.join(flags)}"]


def _env(place: Path, clone: Path) -> dict[str, str]:
    """Keep a person's own settings, workspaces, history and cloud out of it, and ask nobody for news."""
    news = place / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    news.parent.mkdir(parents=True)
    news.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))
    ours = ("AWS_", "JUPYTER", "INVENTORY_", "MAKE", "MFLAGS", "PYTEST")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return clean | {
        "INVENTORY_STATE_DIR": str(place / "state"),
        "PYTHONPATH": f"{clone}{os.pathsep}{clone / 'lambda_src'}",
        "IPYTHONDIR": str(place / "ipython"),
        "JUPYTER_CONFIG_DIR": str(place / "config"),
        "JUPYTER_RUNTIME_DIR": str(place / "runtime"),
        "JUPYTERLAB_SETTINGS_DIR": str(place / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(place / "workspaces"),
    }


def _answers(lab: Lab) -> bool:
    try:
        with urllib.request.urlopen(f"{lab.url}/api/status?token={lab.token}", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
