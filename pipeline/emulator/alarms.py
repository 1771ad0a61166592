"""Alarms are judged as CloudWatch judges them: by their dimensions, period by period, with metric math.

The emulator takes no alarm on an expression, mixes the metrics of all dimensions, and looks at all periods as one.
An expression may hold names, numbers, + - * /, comparisons, IF and FILL: what `infra/observability.yaml` needs.
"""

import ast
import operator
import time
from collections.abc import Callable
from typing import Any

from ministack.services import cloudwatch
from ministack.services.cloudformation import provisioners

COMPARED: dict[str, Callable[[float, float], bool]] = {
    "GreaterThanThreshold": operator.gt,
    "GreaterThanOrEqualToThreshold": operator.ge,
    "LessThanThreshold": operator.lt,
    "LessThanOrEqualToThreshold": operator.le,
}
OPERATORS: dict[type, Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: lambda left, right: left / right if right else None,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_record, _describe_alarms = provisioners._cw_metric_alarm_record, cloudwatch._describe_alarms

Values = dict[str, float | None]  # of one period, by the id of a query; None: there are no data points


def record(name: str, properties: dict[str, Any]) -> dict[str, Any]:
    """Make an alarm of a template, also one on an expression."""
    queries = properties.get("Metrics")
    if not queries:
        return _record(name, properties)
    alarm = _record(name, properties | {"Metrics": None, "MetricName": "expression", "Namespace": "expression"})
    for of_one_metric in ("MetricName", "Namespace", "Statistic", "ExtendedStatistic", "Period", "Dimensions", "Unit"):
        del alarm[of_one_metric]
    return alarm | {"Metrics": queries}


def describe_alarms(*request: Any) -> Any:
    """Judge all alarms before they are told: time has passed since the last data point."""
    cloudwatch._evaluate_all_alarms()
    return _describe_alarms(*request)


def evaluate(alarm: dict[str, Any]) -> None:
    """Put an alarm into the state that its last periods give, and tell its topic if that is another one."""
    values = values_of(alarm, time.time())
    before, state = alarm["StateValue"], judge(alarm, values)
    if state == before:
        return
    shown = ", ".join("missing" if value is None else f"{value:g}" for value in values)
    reason = f"{alarm['ComparisonOperator']} {alarm['Threshold']:g}: {shown} (the newest first)"
    alarm |= {"StateValue": state, "StateReason": reason, "StateUpdatedTimestamp": int(time.time())}
    cloudwatch._record_history(alarm["AlarmName"], before, state, reason)
    cloudwatch._dispatch_alarm_actions(alarm, before, state, reason)
    cloudwatch._evaluate_parent_alarms(alarm)


def values_of(alarm: dict[str, Any], now: float) -> list[float | None]:
    """Return the values of an alarm's last periods, the newest first."""
    queries = _queries(alarm)
    period = max(query["MetricStat"]["Period"] for query in queries if "MetricStat" in query)
    periods = range(int(alarm["EvaluationPeriods"]))
    return [_value(queries, now - (index + 1) * period, now - index * period) for index in periods]


def judge(alarm: dict[str, Any], values: list[float | None]) -> str:
    """Return the state that an alarm should be in."""
    treat = alarm.get("TreatMissingData", "missing")
    if all(value is None for value in values) and treat in ("missing", "ignore"):
        return "INSUFFICIENT_DATA" if treat == "missing" else alarm["StateValue"]
    breaches = COMPARED[alarm["ComparisonOperator"]]
    breaching = sum(
        treat == "breaching" if value is None else breaches(value, float(alarm["Threshold"])) for value in values
    )
    return "ALARM" if breaching >= int(alarm.get("DatapointsToAlarm") or len(values)) else "OK"


def _queries(alarm: dict[str, Any]) -> list[dict[str, Any]]:
    """Return what an alarm asks for; an alarm on one metric asks for that."""
    if "Metrics" in alarm:
        return [
            query | {"MetricStat": query["MetricStat"] | {"Period": int(query["MetricStat"]["Period"])}}
            if "MetricStat" in query
            else query
            for query in alarm["Metrics"]
        ]
    metric = {name: alarm.get(name) for name in ("Namespace", "MetricName", "Dimensions")}
    stat = alarm.get("ExtendedStatistic") or alarm.get("Statistic", "Average")
    return [{"Id": "m", "MetricStat": {"Metric": metric, "Stat": stat, "Period": int(alarm.get("Period", 60))}}]


def _value(queries: list[dict[str, Any]], start: float, end: float) -> float | None:
    """Return one period's value of the query that an alarm watches."""
    values: Values = {
        query["Id"]: _statistic(query["MetricStat"], start, end) for query in queries if "MetricStat" in query
    }
    for query in queries:
        if "Expression" in query:
            values[query["Id"]] = calculate(query["Expression"], values)
    watched = [query["Id"] for query in queries if str(query.get("ReturnData", True)).lower() == "true"]
    return values[watched[0]]


def _statistic(stat: dict[str, Any], start: float, end: float) -> float | None:
    metric = stat["Metric"]
    dimensions = {dimension["Name"]: dimension["Value"] for dimension in metric.get("Dimensions") or []}
    key = (metric["Namespace"], metric["MetricName"], cloudwatch._dims_key(dimensions))
    points = [point for point in cloudwatch._metrics.get(key, ()) if start <= point["Timestamp"] < end]
    return cloudwatch._stat_value(cloudwatch._calc_stats(points), stat["Stat"], points) if points else None


def calculate(expression: str, values: Values) -> float | None:
    """Calculate an expression for one period. What is calculated with a missing value is missing."""
    return _calculated(ast.parse(expression, mode="eval").body, values)


def _calculated(node: ast.expr, values: Values) -> Any:
    match node:
        case ast.Constant(value=int() | float() as number):
            return number
        case ast.Name(id=name):
            return values[name]
        case ast.BinOp(left=left, op=sign, right=right) | ast.Compare(left=left, ops=[sign], comparators=[right]):
            sides = _calculated(left, values), _calculated(right, values)
            return None if None in sides else OPERATORS[type(sign)](*sides)
        case ast.Call(func=ast.Name(id="FILL"), args=[given, otherwise]):
            value = _calculated(given, values)
            return _calculated(otherwise, values) if value is None else value
        case ast.Call(func=ast.Name(id="IF"), args=[condition, yes, no]):
            holds = _calculated(condition, values)
            return None if holds is None else _calculated(yes if holds else no, values)
    raise ValueError(f"the local cloud does not know how to calculate {ast.unparse(node)!r}")


def install() -> None:
    """Put this in the place of what the emulator does."""
    provisioners._cw_metric_alarm_record = record
    cloudwatch._evaluate_alarm, cloudwatch._describe_alarms = evaluate, describe_alarms
