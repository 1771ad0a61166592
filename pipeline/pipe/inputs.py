"""A pipe's input template: what the target gets instead of a record. Applied to every record of a batch by itself."""

import base64
import json
import re
from datetime import UTC, datetime
from typing import Any

from pipeline.pipe.records import Batch
from pipeline.pipe.settings import PipeSettings

VARIABLE = re.compile(r"<(\$[^<>]*|aws\.pipes\.[a-z.-]+)>")
STEP = re.compile(r"\.([A-Za-z0-9_/-]+|\*)|\[(\d+|\*)\]")
RESERVED = {
    "aws.pipes.pipe-arn", "aws.pipes.pipe-name", "aws.pipes.source-arn", "aws.pipes.enrichment-arn",
    "aws.pipes.target-arn", "aws.pipes.event.ingestion-time", "aws.pipes.event", "aws.pipes.event.json",
}  # fmt: skip
NOT_JSON = object()
MISSING = object()


class TemplateError(ValueError):
    """The template does not make JSON of a record."""


def with_data_parsed(record: dict[str, Any]) -> dict[str, Any]:
    """Return a flat record whose `data` is what its JSON says, or NOT_JSON."""
    try:
        return record | {"data": json.loads(base64.b64decode(record["data"]))}
    except (ValueError, RecursionError):
        return record | {"data": NOT_JSON}


def transformed(pipe: PipeSettings, batch: Batch, now: float) -> bytes:
    """Write the array that the target is invoked with: for every record what the template makes of it."""
    return f"[{','.join(render(pipe, record.text, now) for record in batch)}]".encode()


def render(pipe: PipeSettings, text: str, now: float) -> str:
    """Return the JSON that the pipe's template makes of one flat record.

    A variable between quotes is put in as text, elsewhere as JSON. A template that is not JSON is text: so a lone
    `<$.data>` of an object becomes text without the object's quotes, which the user guide warns of.
    """
    template = pipe.input_template.strip()
    values = _Values(pipe, text, now)
    alone = VARIABLE.fullmatch(template)
    if alone:
        value = values.of(alone[1])
        return json.dumps(_as_text(value) if isinstance(value, dict | list) else "" if value is MISSING else value)
    is_json = template[:1] in ("{", "[", '"')
    done, quoted, at = [], not is_json, 0
    for variable in VARIABLE.finditer(template):
        before = template[at : variable.start()]
        quoted ^= is_json and len(re.findall(r'(?<!\\)"', before)) % 2 == 1
        value = values.of(variable[1])
        done += [before, _in_quotes(value, is_json) if quoted else json.dumps("" if value is MISSING else value)]
        at = variable.end()
    result = "".join([*done, template[at:]])
    if not is_json:
        return json.dumps(result)
    try:
        return json.dumps(json.loads(result))
    except ValueError as error:
        raise TemplateError(f"the input template does not make JSON: {error}: {result[:200]}") from error


class _Values:
    """What the variables of a template stand for, of one record."""

    def __init__(self, pipe: PipeSettings, text: str, now: float) -> None:
        self._text = text
        record = json.loads(text)
        parsed = with_data_parsed(record)
        self._is_json = parsed["data"] is not NOT_JSON
        self._event = parsed if self._is_json else record
        self._reserved = {
            "aws.pipes.pipe-arn": pipe.arn,
            "aws.pipes.pipe-name": pipe.name,
            "aws.pipes.source-arn": pipe.source_arn,
            "aws.pipes.target-arn": pipe.target_arn,
            "aws.pipes.enrichment-arn": "",
            "aws.pipes.event.ingestion-time": datetime.fromtimestamp(now, UTC).isoformat().replace("+00:00", "Z"),
            "aws.pipes.event": text,
            "aws.pipes.event.json": self._event if self._is_json else MISSING,
        }

    def of(self, variable: str) -> Any:
        """Return the value of a variable, or MISSING."""
        if variable in self._reserved:
            return self._reserved[variable]
        values, is_many = [self._event], False
        for name, index in STEP.findall(variable[1:]):
            is_many |= "*" in (name, index)
            values = [child for value in values for child in _children(value, name, index)]
        return values if is_many else values[0] if values else MISSING


def _children(value: Any, name: str, index: str) -> list[Any]:
    if "*" in (name, index):
        return list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    if name:
        return [value[name]] if isinstance(value, dict) and name in value else []
    return [value[int(index)]] if isinstance(value, list) and int(index) < len(value) else []


def _in_quotes(value: Any, is_json: bool) -> str:
    text = "" if value is MISSING else value if isinstance(value, str) else _as_text(value)
    return json.dumps(text)[1:-1] if is_json else text


def _as_text(value: Any) -> str:
    return re.sub(r'(?<!\\)"', "", json.dumps(value)) if isinstance(value, dict | list) else json.dumps(value)


def problem_of(template: str) -> str:
    """Say why a template cannot work; empty if it can."""
    for path in re.findall(r"<(\$[^<>]*|aws\.[^<>]*)>", template):
        rest = STEP.sub("", path[1:])
        if path.startswith("aws.") and path not in RESERVED:
            return f"input template: there is no variable <{path}>"
        if path.startswith("$") and rest:
            return f"input template: the path {path} uses more than names, indices and wildcards"
    return ""
