"""Wrong usage: one line that says what is right, exit status 2, and nothing was begun."""

import pytest

from tests.cloud.complaints import complaint, nothing_half_made

WRONG = [  # what is typed, and what the answer says
    (["send", "--scenario", "gold-rush"], "'gold-rush' is not one of 'everyday'"),
    (["count"], "No such command 'count'"),
    (["send", "--evnets", "5"], "No such option '--evnets'. Did you mean '--events'?"),
    (["send", "--cloud", "azure"], "'azure' is not one of 'local', 'aws'"),
    (["send", "--stack-name", "my stack"], "'my stack' is not a stack name"),
    (["send", "--stack-name", ""], "is not a stack name"),
    (["up", "--parameter", "ShardCount"], "'ShardCount' is not NAME=VALUE"),
    (["up", "--parameter", "NoSuchParameter=1"], "no parameter NoSuchParameter"),
    (["report", "--parameter", "skwe=1"], "there is no parameter 'skwe'; there are cloud, "),
    (["report", "--parameter", "skew=steep"], "parameter skew should be a number from 0 to 10, not 'steep'"),
    (["report", "--parameter", "skew=-1"], "parameter skew should be a number from 0 to 10, not '-1'"),
    (["report", "--parameter", "skew=.nan"], "parameter skew should be a number from 0 to 10, not '.nan'"),
    (["report", "--parameter", "skew=1" + "0" * 400], "parameter skew should be a number from 0 to 10"),
    (["report", "--parameter", "event_count=0"], "parameter event_count should be a whole number, 1 or more"),
    (["report", "--parameter", "scenario=gold-rush"], "parameter scenario should be one of everyday"),
]
NO_NUMBERS = [
    ["send", "--events", "0"],
    ["send", "--events", "-5"],
    ["send", "--events", "many"],
    ["send", "--events", "1.5"],
    ["send", "--events", "9" * 5000],
    ["send", "--products", "0"],
    ["send", "--rate", "0"],
    ["send", "--rate", "-1"],
    ["send", "--rate", "fast"],
    ["send", "--rate", "nan"],
    ["send", "--rate", "inf"],
    ["send", "--seed", "lucky"],
    ["send", "--skew", "-1"],
    ["send", "--skew", "11"],
    ["send", "--skew", "steep"],
    ["send", "--skew", "nan"],
    ["send", "--skew", "inf"],
    ["send", "--skew", "9" * 5000],
    ["up", "--port", "0"],
    ["up", "--port", "http"],
    ["up", "--port", "65536"],
]


def test_wrong_usage_is_answered_with_what_is_right(nowhere, asked):
    answers = {tuple(arguments): complaint(asked(nowhere, *arguments), 2) for arguments, _ in WRONG}
    assert [line for (_, says), line in zip(WRONG, answers.values(), strict=True) if says not in line] == []
    nothing_half_made(nowhere)


def test_a_number_that_is_none_is_wrong_usage(nowhere, asked):
    lines = [(arguments[-1][:20], complaint(asked(nowhere, *arguments), 2)) for arguments in NO_NUMBERS]
    assert [line for number, line in lines if number not in line and "inf is not" not in line] == []


@pytest.mark.parametrize("arguments", [["send", "--scenario", "gold-rush"], ["count"]])
def test_a_process_of_its_own_ends_in_the_same_way(nowhere, arguments):
    complaint(nowhere.run(*arguments), 2)


def test_without_a_verb_all_verbs_are_explained(nowhere, asked):
    done = asked(nowhere)
    assert (done.returncode, done.stdout) == (2, "")
    assert "  down " in done.stderr


@pytest.mark.parametrize("verb", ["up", "send", "stock", "audit", "down", "report"])
def test_every_verb_of_the_contract_explains_itself(nowhere, asked, verb):
    done = asked(nowhere, verb, "--help")
    assert done.returncode == 0
    assert all(option in done.stdout for option in ("--cloud", "--stack-name", "--json"))
