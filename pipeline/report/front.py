"""Page one: the answer, five numbers of this run, the sketch of the pipeline, and what ran where."""

from pathlib import Path
from typing import Any

import yaml
from nbconvert.preprocessors import Preprocessor
from nbformat import NotebookNode

from pipeline.errors import UserError
from pipeline.notebook import svg
from pipeline.report import markdown
from pipeline.report.cells import Processed
from pipeline.report.evidence import with_values


def load(path: Path) -> dict[str, Any]:
    """Read what page one says.

    Returns:
        `answer` and `ran`, in Markdown; `numbers`, each a value and words; `sketch` and `tall`, each NOTEBOOK#CELL.
    """
    try:
        said = yaml.safe_load(path.read_text("utf-8"))
        [said[name] for name in ("answer", "ran", "sketch", "sketch_alt", "tall")]
        [(row["value"], row["says"]) for row in said["numbers"]]
    except (OSError, yaml.YAMLError, KeyError, TypeError) as problem:
        raise UserError(f"{path} cannot be read: {' '.join(str(problem).split())}") from None
    return dict(said)


class Front(Preprocessor):
    """Sets the resource `front`, with values for their names, where the report has `front_words`."""

    def preprocess(self, nb: NotebookNode, resources: dict[str, Any]) -> Processed:
        """Put this run's values into the words of page one."""
        resources["front"] = None
        if words := resources.get("front_words"):
            values, unknown = resources["values"], list[str]()
            unknown += [row["value"] for row in words["numbers"] if row["value"] not in values]
            numbers = [row for row in words["numbers"] if row["value"] in values]
            resources["front"] = {
                "answer": with_values(markdown.parse(words["answer"]), values, unknown),
                "ran": with_values(markdown.parse(words["ran"]), values, unknown),
                "numbers": [{**values[row["value"]]._asdict(), "says": row["says"]} for row in numbers],
                **{name: svg.clean(drawn) for name, drawn in resources.get("sketches", {}).items()},
                "sketch_alt": words["sketch_alt"],
            }
            if not any(run["error"] or run["skipped"] for run in resources["facts"]["notebooks"]):
                resources["problems"] += [f"page one names {{{name}}}, which no notebook says" for name in unknown]
        return nb, resources
