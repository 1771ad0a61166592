"""Read a CloudFormation template as it will be deployed: parameters filled in, conditions decided.

What refers to a resource becomes text: `!Ref StockTable` reads "${StockTable}", `!GetAtt StockTable.Arn` reads
"${StockTable.Arn}". So a reference looks the same whichever way the template spells it.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

REFERENCE = re.compile(r"\$\{(\w+)(?:\.[\w.]+)?\}")
_NOTHING = object()  # what `AWS::NoValue` leaves behind


class Template:
    """The resources of a template, with their properties resolved.

    Every resource is there, also one whose condition does not hold: the template describes it.
    """

    def __init__(self, text: str, parameters: Mapping[str, Any] | None = None) -> None:
        body = load(text)
        declared = self.parameters = body.get("Parameters", {})
        if unknown := set(parameters or {}) - set(declared):
            raise ValueError(f"the template has no parameter {', '.join(sorted(unknown))}")
        given = {name: rules.get("Default", "") for name, rules in declared.items()} | dict(parameters or {})
        self._parameters = {
            name: int(value) if declared[name]["Type"] == "Number" and value != "" else value
            for name, value in given.items()
        }
        self._conditions = body.get("Conditions", {})
        self.type_of: dict[str, str] = {name: resource["Type"] for name, resource in body["Resources"].items()}
        self.properties: dict[str, Any] = {
            name: self._resolve(resource.get("Properties", {})) for name, resource in body["Resources"].items()
        }
        self.outputs: dict[str, Any] = {
            name: self._resolve(each["Value"]) for name, each in body.get("Outputs", {}).items()
        }
        self.remarks = {name: remark for name, remark in _remarks(text).items() if name in self.type_of}

    @classmethod
    def read(cls, path: Path | str, parameters: Mapping[str, Any] | None = None) -> "Template":
        """Read a template; `parameters` take the place of the defaults."""
        return cls(Path(path).read_text("utf-8"), parameters)

    def references(self, logical_id: str) -> Iterator[tuple[str, str]]:
        """Yield (where in the properties, what it refers to) for every resource that this one refers to."""
        for where, text in _texts(self.properties[logical_id]):
            yield from ((where, name) for name in self.named_in(text))

    def named_in(self, text: str) -> list[str]:
        """Return the resources that a resolved text refers to."""
        return [name for name in REFERENCE.findall(text) if name in self.type_of]

    def _resolve(self, value: Any) -> Any:
        match value:
            case {"Ref": "AWS::NoValue"}:
                return _NOTHING
            case {"Ref": name}:
                return self._parameters.get(name, f"${{{name}}}")
            case {"Fn::GetAtt": [*path]}:
                return f"${{{'.'.join(path)}}}"
            case {"Fn::If": [condition, yes, no]}:
                return self._resolve(yes if self._holds({"Condition": condition}) else no)
            case {"Fn::Join": [separator, parts]}:
                return separator.join(str(self._resolve(part)) for part in parts)
            case {"Fn::Sub": [text, names]}:
                return self._substitute(text, {name: self._resolve(each) for name, each in names.items()})
            case {"Fn::Sub": text}:
                return self._substitute(text, {})
            case dict():
                if unknown := [key for key in value if str(key).startswith("Fn::")]:
                    raise ValueError(
                        f"the template is read without {unknown[0]}: teach `provisioning/template.py` what it means"
                    )
                resolved = {key: self._resolve(each) for key, each in value.items()}
                return {key: each for key, each in resolved.items() if each is not _NOTHING}
            case list():
                return [each for each in map(self._resolve, value) if each is not _NOTHING]
        return value

    def _substitute(self, text: str, names: dict[str, Any]) -> str:
        known = self._parameters | names
        return re.sub(r"\$\{([\w:]+)\}", lambda match: str(known.get(match[1], match[0])), text)

    def _holds(self, condition: Any) -> bool:
        match condition:
            case {"Condition": name}:
                return self._holds(self._conditions[name])
            case {"Fn::Equals": [left, right]}:
                return str(self._resolve(left)) == str(self._resolve(right))
            case {"Fn::Not": [inner]}:
                return not self._holds(inner)
            case {"Fn::And": parts}:
                return all(map(self._holds, parts))
            case {"Fn::Or": parts}:
                return any(map(self._holds, parts))
        raise ValueError(f"not a condition: {condition}")


def load(text: str) -> dict[str, Any]:
    """Parse a template without resolving anything; the short forms (`!Ref X`) read as the long ones."""
    return yaml.load(text, Loader=_Loader)


def dig(properties: Any, where: str) -> Any:
    """Return the value at a dotted path ("KeySchema.0.AttributeName"), or None where the path ends early."""
    for key in where.split("."):
        if isinstance(properties, list):
            properties = properties[int(key)] if int(key) < len(properties) else None
        elif isinstance(properties, dict):
            properties = properties.get(key)
        else:
            return None
    return properties


def _texts(value: Any, where: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield where, value
    elif isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _texts(each, f"{where}.{key}" if where else str(key))


def _remarks(text: str) -> dict[str, str]:
    """Find the first sentence of the comment above each resource: what it is for, in the template's own words."""
    comments = re.findall(r"((?:^  # [^─\n]*\n)+)^  (\w+):$", text, re.MULTILINE)
    sentences = {name: " ".join(re.findall(r"# (.*)", comment)) for comment, name in comments}
    return {name: re.split(r"(?<=\.) (?=[A-Z])", sentence)[0] for name, sentence in sentences.items()}


class _Loader(yaml.SafeLoader):
    """Reads the short forms too: `!Ref X` as {"Ref": "X"}, `!GetAtt A.B` as {"Fn::GetAtt": ["A", "B"]}."""


def _short_form(loader: _Loader, tag: str, node: yaml.Node) -> dict[str, Any]:
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True)  # type: ignore[arg-type]
    if tag == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {tag if tag in ("Ref", "Condition") else f"Fn::{tag}": value}


_Loader.add_multi_constructor("!", _short_form)
