"""JupyterLab as `make lab` starts it, with settings, notebooks and local cloud in a folder of its own."""

import json
import os
import secrets
import socket
import subprocess
import sys
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


def start_run(page: Page) -> None:
    """Choose Run, Run All Cells."""
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
    """Start JupyterLab on a free port of 127.0.0.1; at the end stop it, its kernels and the local cloud."""
    (place / "notebooks").mkdir(parents=True)
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        nbformat.write(_without_outputs(path), place / "notebooks" / path.name)
    lab, env = Lab(f"http://127.0.0.1:{_free_port()}", secrets.token_hex(), place), _env(place)
    with (place / "server.log").open("w") as log:
        server = subprocess.Popen(_command(lab), cwd=place, env=env, stdout=log, stderr=log)
        try:
            eventually(lambda: _answers(lab) or server.poll() is not None, "JupyterLab answers", 60)
            assert server.poll() is None, (place / "server.log").read_text()
            yield lab
        finally:
            server.terminate()
            server.wait(30)
            subprocess.run([sys.executable, "-m", "pipeline", "down"], cwd=ROOT, env=env, timeout=120, check=True)


def _command(lab: Lab) -> list[str]:
    return [
        *(sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", "--expose-app-in-browser"),
        *("--ip=127.0.0.1", f"--port={lab.url.rpartition(':')[2]}", "--ServerApp.port_retries=0"),
        *(f"--IdentityProvider.token={lab.token}", "--ServerApp.root_dir=."),
    ]


def _env(place: Path) -> dict[str, str]:
    """Keep a person's own settings, workspaces, history and cloud out of it, and ask nobody for news."""
    news = place / "settings" / "@jupyterlab" / "apputils-extension" / "notification.jupyterlab-settings"
    news.parent.mkdir(parents=True)
    news.write_text(json.dumps({"fetchNews": "false", "checkForUpdates": False}))
    ours = ("AWS_", "JUPYTER", "INVENTORY_")
    clean = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return clean | {
        "INVENTORY_STATE_DIR": str(place / "state"),
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


def _without_outputs(path: Path) -> Any:
    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "code":
            cell.outputs, cell.execution_count = [], None
    return notebook
