"""Just enough CloudFormation to read a pipe's settings from the template it was deployed with."""

import re
from functools import lru_cache
from typing import Any

import yaml


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


def load(body: str | dict[str, Any]) -> dict[str, Any]:
    """Parse a template, YAML or JSON. (boto3 hands a JSON template over parsed.)"""
    return body if isinstance(body, dict) else _parse(body)


@lru_cache(maxsize=8)
def _parse(body: str) -> dict[str, Any]:
    return yaml.load(body, Loader=_Loader)


def resolve(value: Any, known: dict[str, Any], conditions: dict[str, Any]) -> Any:
    """Replace intrinsic functions by their values. What is unknown, or `AWS::NoValue`, disappears as None.

    Args:
        value: any part of a template.
        known: parameters, pseudo parameters and resources by `Ref` name; attributes by "LogicalId.Attribute".
        conditions: the template's own `Conditions`.
    """
    match value:
        case {"Ref": name}:
            return known.get(name)
        case {"Fn::GetAtt": [resource, attribute]}:
            return known.get(f"{resource}.{attribute}")
        case {"Fn::Sub": [text, extra]}:
            return _substitute(text, known | {name: resolve(each, known, conditions) for name, each in extra.items()})
        case {"Fn::Sub": text}:
            return _substitute(text, known)
        case {"Fn::Join": [separator, parts]}:
            return separator.join(str(resolve(part, known, conditions)) for part in parts)
        case {"Fn::If": [name, yes, no]}:
            return resolve(yes if holds(conditions[name], known, conditions) else no, known, conditions)
        case dict():
            resolved = {key: resolve(each, known, conditions) for key, each in value.items()}
            return {key: each for key, each in resolved.items() if each is not None}
        case list():
            return [each for each in (resolve(each, known, conditions) for each in value) if each is not None]
    return value


def holds(condition: Any, known: dict[str, Any], conditions: dict[str, Any]) -> bool:
    """Evaluate a condition."""
    match condition:
        case {"Fn::Equals": [left, right]}:
            return str(resolve(left, known, conditions)) == str(resolve(right, known, conditions))
        case {"Fn::Not": [inner]}:
            return not holds(inner, known, conditions)
        case {"Fn::And": inner}:
            return all(holds(each, known, conditions) for each in inner)
        case {"Fn::Or": inner}:
            return any(holds(each, known, conditions) for each in inner)
        case {"Condition": name}:
            return holds(conditions[name], known, conditions)
    raise ValueError(f"no such condition function: {condition}")


def _substitute(text: str, known: dict[str, Any]) -> str:
    return re.sub(r"\$\{([^!}]+)\}", lambda match: str(known.get(match.group(1), "")), text)
