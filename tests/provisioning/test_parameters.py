"""A parameter that the template does not take is refused before anything is started, with what it takes."""

import pytest

from pipeline.errors import WrongUsageError
from pipeline.provisioning.parameters import checked, declared, in_force, must_go_together, request

REFUSED = [
    ({"BatchSise": 1}, "the template has no parameter BatchSise: it has BatchSize, "),
    ({"BatchSize": "0"}, "parameter BatchSize should be a whole number from 1 to 10,000, not '0'"),
    ({"BatchSize": 10_001}, "parameter BatchSize should be a whole number from 1 to 10,000, not '10001'"),
    ({"BatchSize": "many"}, "parameter BatchSize should be a whole number from 1 to 10,000, not 'many'"),
    ({"BatchSize": "1e3"}, "parameter BatchSize should be a whole number from 1 to 10,000, not '1e3'"),
    ({"BatchSize": "1.5"}, "parameter BatchSize should be a whole number from 1 to 10,000, not '1.5'"),
    ({"BatchSize": ""}, "parameter BatchSize should be a whole number from 1 to 10,000, not ''"),
    ({"BatchSize": "9" * 5000}, "parameter BatchSize should be a whole number from 1 to 10,000, not '999"),
    ({"LogRetentionDays": 2}, "parameter LogRetentionDays should be one of 1, 3, 5, 7, 14, 30"),
    ({"CodeKey": "two words"}, "parameter CodeKey should be text like [A-Za-z0-9._/-]*, 256 characters at most"),
    ({"CodeKey": "k" * 257}, "parameter CodeKey should be text like [A-Za-z0-9._/-]*, 256 characters at most"),
    ({"BatchSize": 5, "ShardCount": 0}, "parameter ShardCount should be a whole number from 1 to 500"),
]


def test_what_the_template_does_not_take_is_refused_with_what_it_takes():
    otherwise = []
    for given, says in REFUSED:
        with pytest.raises(WrongUsageError) as refused:
            checked(given)
        if not str(refused.value).startswith(says):
            otherwise.append((given, str(refused.value)))
    assert otherwise == []


def test_all_defaults_and_bounds_are_taken():
    for bound in ("Default", "MinValue", "MaxValue"):
        given = {name: rules[bound] for name, rules in declared().items() if bound in rules}
        assert checked(given) == given
    assert checked({"PowertoolsLayerArn": "arn:aws:lambda:us-east-2:017000801446:layer:Powertools-arm64:7"})


def test_a_stack_keeps_the_values_that_are_not_given():
    current = [{"ParameterKey": "BatchSize", "ParameterValue": "7"}, {"ParameterKey": "Gone", "ParameterValue": "1"}]
    assert request({"ShardCount": 3}, current) == [
        {"ParameterKey": "BatchSize", "UsePreviousValue": True},
        {"ParameterKey": "ShardCount", "ParameterValue": "3"},
    ]
    values = in_force({"ShardCount": 3}, current)
    assert (values["BatchSize"], values["ShardCount"], values["RetentionHours"]) == ("7", 3, 48)


def test_a_record_is_given_up_before_the_stream_forgets_it():
    values = in_force({"RetentionHours": 24, "MaximumRecordAgeSeconds": 86_399}, [])
    must_go_together(values)
    with pytest.raises(WrongUsageError, match="Give MaximumRecordAgeSeconds=86399 or less"):
        must_go_together(values | {"MaximumRecordAgeSeconds": "86400"})
    current = [{"ParameterKey": "MaximumRecordAgeSeconds", "ParameterValue": "90000"}]
    with pytest.raises(WrongUsageError, match="the stream would forget a record before"):
        must_go_together(in_force({"RetentionHours": 24}, current))
