"""The list of sources: every address of the web that the report names, once, with its title; AWS's own pages first."""

from pathlib import Path
from typing import Any

import yaml
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

from pipeline.errors import UserError
from pipeline.notebook.tables import Token
from pipeline.report.cells import TOKENS, Processed
from pipeline.report.links import OUTSIDE
from pipeline.report.markdown import curly, walk


def load(path: Path) -> list[dict[str, Any]]:
    """Read the sources, in their order: `url` and `title`, and `said` where a page is quoted for a fact."""
    try:
        sources = yaml.safe_load(path.read_text("utf-8"))
        [(source["url"], source["title"]) for source in sources]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as problem:
        raise UserError(f"{path} cannot be read: {' '.join(str(problem).split())}") from None
    return [
        {**source, "title": curly(source["title"]), "number": number} for number, source in enumerate(sources, start=1)
    ]


class References(Preprocessor):
    """Numbers the links that leave the report by the list of sources; adds to `problems` a link that it lacks."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Processed:
        """Number the links."""
        numbers = {source["url"]: source["number"] for source in resources.setdefault("references", [])}
        if numbers:
            for cell in nb.cells:
                outputs = (output.get("data", {}).get(TOKENS, ()) for output in cell.get("outputs", ()))
                for token in walk([*cell.metadata.tokens, *(token for tokens in outputs for token in tokens)]):
                    self._number(token, numbers, resources["problems"])
        return nb, resources

    def _number(self, token: Token, numbers: dict[str, int], problems: list[str]) -> None:
        url = token["attrs"]["url"] if token["type"] == "link" else ""
        if url.partition(":")[0] not in OUTSIDE:
            return
        if url in numbers:
            token["attrs"]["reference"] = numbers[url]
        else:
            problems.append(f"the report links to {url}, which references.yaml does not list")
