"""Runtimes in which one line is wrong. `python -m tests.pipe.wrong_runtimes` runs each against the fact that it breaks.

The wrong line is put in where the runtime keeps its own: a function's code is exchanged, the fact's test has to fail,
and the code is put back. They mostly wait, for what will not come: so many run at once, in processes of their own.
"""
# ruff: noqa: E501 - the table is read line by line

import importlib
import inspect
import logging
import multiprocessing
import sys
import tempfile
import textwrap
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.pipe.conformance import facts
from tests.pipe.harness import QUEUE, TOPIC, Harness

PATIENCE_SECONDS = 0.25  # how long a test waits here for what will not come
AT_ONCE = 16

# (the fact, module and function, the right words, the wrong ones[, the test's other arguments])
WRONG: list[tuple[Any, ...]] = [
    # What the target receives, and its order
    ("the_target_receives_a_bare_array_of_flat_records", "records:payload", "[{", "{{'Records': [{"),
    ("the_target_receives_a_bare_array_of_flat_records", "records:FlatRecord.of", '"invokeIdentityArn": role_arn,', ""),
    ("the_target_receives_a_bare_array_of_flat_records", "records:FlatRecord.of", '{shard_id}:{seq', '{seq'),
    ("a_single_record_comes_in_an_array_too", "records:payload", "[{", "{'[' if len(batch) > 1 else ''}{"),
    ("a_batch_comes_from_one_shard", "records:FlatRecord.of", "{shard_id}:", "{shard_id}{int(sequence_number) % 2}:"),
    ("every_shard_is_read_and_delivered_in_order", "sender:Sender.put", "+= records", "+= records[::-1]"),
    ("every_shard_is_read_and_delivered_in_order", "pipe:PipeRun._update_readers", "in shards:", "in shards[:1]:"),
    ("a_child_shard_waits_until_its_parent_is_drained", "pipe:PipeRun._may_be_read", "in parents if parent in listed", "in ()"),
    ("a_merged_shard_waits_for_both_parents", "pipe:parents_of", 'shard.get("AdjacentParentShardId")', "None"),
    # Where reading starts
    ("trim_horizon_starts_with_the_oldest_record_that_is_kept", "shard:start_of", '== "TRIM_HORIZON"', '== "ELSEWHERE"'),
    ("latest_starts_with_what_comes_after_the_pipe_started", "shard:start_of", '== "TRIM_HORIZON"', '!= "AT_TIMESTAMP"'),
    ("latest_misses_nothing_of_a_reshard_and_repeats_nothing_from_before", "shard:start_of", '== "TRIM_HORIZON"', '!= "X"'),
    ("at_timestamp_starts_with_the_first_record_from_then_on", "shard:start_of", "if timestamp is None", "if True"),
    # Batches
    ("a_batch_holds_at_most_batch_size_records", "records:take_batch", "return waiting[:batch_size],", "return waiting[:],"),
    ("without_a_window_records_are_sent_as_soon_as_they_are_there", "sender:Sender._next_batch", "window_left <= 0", "window_left < -1"),
    ("a_batch_waits_for_its_window_to_end", "sender:Sender._next_batch", "window_left <= 0", "True"),
    ("a_full_batch_does_not_wait_for_its_window", "sender:Sender._next_batch", "full or", ""),
    ("a_batch_is_sent_at_six_megabytes", "records:take_batch", "room < 0", "room < -(10**9)"),
    # Polling
    ("a_shard_is_polled_at_most_four_times_a_second", "shard:ShardReader.work", "max(0.0, pause -", "max(0.0, pause / 100 -"),
    ("a_throttled_read_slows_down_and_loses_nothing", "shard:ShardReader._note_failure", "self._failures + 1", "self._failures"),
    ("an_expired_iterator_is_replaced_without_loss_or_repetition", "shard:ShardReader._take", "self._position = after", "after"),
    # ParallelizationFactor
    ("one_batch_of_a_shard_is_under_way_at_a_time", "pipe:PipeRun._read", "range(self.pipe.parallelization_factor)", "range(2)"),
    ("a_factor_lets_batches_of_a_shard_run_at_once_and_keeps_order_per_key", "pipe:PipeRun._read", "self.pipe.parallelization_factor", "1"),
    ("a_factor_lets_batches_of_a_shard_run_at_once_and_keeps_order_per_key", "shard:ShardReader._take", "partition_key", "event_id"),
    ("the_checkpoint_does_not_pass_a_batch_that_another_sender_still_has", "shard:ShardReader._ended", "self.progress.done(batch)", "batch[-1].sequence_number"),
    # Retries
    ("a_batch_is_given_up_after_maximum_retry_attempts", "delivery:Delivery._are_spent", "retries >=", "retries >"),
    ("retries_never_end_by_default", "delivery:Delivery._are_spent", "self.pipe.maximum_retry_attempts != FOREVER and", "retries > 50 or"),
    ("a_failing_batch_blocks_its_shard_and_no_other", "delivery:Delivery._are_spent", "self.pipe.maximum_retry_attempts != FOREVER and", ""),
    ("a_record_older_than_its_maximum_age_is_given_up_unseen", "delivery:Delivery._young_enough", "limit == FOREVER", "True"),
    ("no_record_is_too_old_by_default", "delivery:Delivery._young_enough", "limit == FOREVER", "False"),
    ("faults_of_the_pipe_and_the_service_do_not_count_as_retries", "target:kind_of", "status >= 500", "False"),
    ("faults_of_the_pipe_and_the_service_do_not_count_as_retries", "target:InvocationResult.counts", "(THROTTLED, UNREACHABLE)", "(THROTTLED,)"),
    ("a_throttled_function_does_not_count_as_a_retry", "target:InvocationResult.counts", "(THROTTLED, UNREACHABLE)", "(UNREACHABLE,)"),
    ("a_pipe_begins_to_poll_some_time_after_it_was_started", "pipe:PipeRun.work", "self.pipe.start_seconds", "0"),
    ("latest_misses_what_comes_while_the_pipe_is_starting", "pipe:PipeRun.work", "self.checkpoints.started(time.time())", "self.checkpoints.started(0)"),
    ("more_than_the_named_records_come_again_where_the_setting_says_so", "target:_again", '"whole"', '"lowest"', {"setting": "lowest", "again": ["1", "2"]}),
    ("a_pipe_that_meets_4xx_errors_without_a_break_is_disabled", "delivery:Delivery._attempt", "self.refusals.ends()", "pass"),
    ("a_pipe_that_meets_4xx_errors_without_a_break_is_disabled", "streak:Streak.goes_on", "self.clock() if self.since is None else self.since", "None"),
    ("a_throttle_that_passes_is_no_trouble", "shard:ShardReader._note_failure", "code != THROTTLED or", "True or"),
    ("a_missing_permission_counts_as_a_retry", "target:InvocationResult.counts", "(THROTTLED, UNREACHABLE)", "(THROTTLED, UNREACHABLE, REFUSED)"),
    # What the target answers
    *(
        ("an_answer_that_names_no_record_is_a_success", "target:failures_named_in", old, new, {"answer": answer})
        for answer, old, new in [
            ({"batchItemFailures": []}, "or []", 'or [{"itemIdentifier": ""}]'),
            ({"batchItemFailures": None}, "or []", ""),
            ({}, 'answer.get("batchItemFailures")', 'answer["batchItemFailures"]'),
            (None, "if isinstance(answer, dict) else None", ""),
            ({"statusCode": 200}, 'answer.get("batchItemFailures")', 'answer["batchItemFailures"]'),
            ("done", "if isinstance(answer, dict) else None", 'if isinstance(answer, dict) else answer["batchItemFailures"]'),
        ]
    ),
    ("only_the_records_that_are_named_come_again", "target:failures_named_in", "for record in batch if record.event_id in failed", "for record in batch"),
    *(
        ("an_identifier_that_is_empty_unknown_or_misspelt_fails_the_whole_batch", "target:failures_named_in", old, new, {"answer": answer})
        for answer, old, new in [
            ({"batchItemFailures": [{"itemIdentifier": ""}]}, 'return batch, f"the target named', 'return [], f"the target named'),
            ({"batchItemFailures": [{"itemIdentifier": None}]}, 'return batch, f"the target named', 'return [], f"the target named'),
            ({"batchItemFailures": [{"itemIdentifier": "shardId-000000000000:1"}]}, 'return batch, f"the target named', 'return [], f"the target named'),
            ({"batchItemFailures": [{"itemId": "x"}]}, "return batch, f", "return [], f"),
            ({"batchItemFailures": ["x"]}, "return batch, f", "return [], f"),
            ({"batchItemFailures": 7}, "return batch, f", "return [], f"),
            (b"<html>", "return batch, f", "return [], f"),
        ]
    ),
    ("a_sequence_number_is_not_an_identifier", "target:failures_named_in", '("sequenceNumber", "either")', '("eventID",)'),
    ("a_sequence_number_is_an_identifier_where_the_setting_says_so", "target:failures_named_in", '("sequenceNumber", "either")', "()", {"setting": "either"}),
    ("a_batch_that_is_not_answered_for_is_a_success", "pipe:PipeRun._invoke", "[self.pipe.invocation_type]", '["REQUEST_RESPONSE"]'),
    # AUTOMATIC_BISECT
    ("bisect_halves_a_failing_batch_until_one_record_is_left", "delivery:Delivery.deliver", "len(batch) > 1", "len(batch) > 2"),
    ("bisect_halves_a_failing_batch_until_one_record_is_left", "delivery:Delivery.deliver", "self.pipe.bisect and", "self.pipe.bisect and not self._are_spent(retries) and"),
    ("bisect_halves_a_failing_batch_until_one_record_is_left", "delivery:Delivery.deliver", "batch = batch[middle:]", "batch = batch[:0]"),
    ("without_bisect_a_failing_batch_comes_again_whole", "delivery:Delivery.deliver", "self.pipe.bisect and", ""),
    ("records_that_the_target_names_are_bisected_too", "target:InvocationResult.reached_the_function", "PARTIALLY_FAILED, ", ""),
    # Failures told apart, dead letters
    ("errors_time_outs_and_throttles_are_told_apart", "target:call", "TIMED_OUT if TASK", "FAILED if TASK"),
    ("errors_time_outs_and_throttles_are_told_apart", "target:kind_of", "return TIMED_OUT", "return FAILED"),
    ("errors_time_outs_and_throttles_are_told_apart", "target:kind_of", "return THROTTLED", "return REFUSED"),
    ("a_dead_letter_says_where_the_records_lie_and_not_what_they_say", "deadletters:dead_letter", "batch[0]", "batch[-1]", {"arn": QUEUE, "where": "http://127.0.0.1:4566/123456789012/dead-letters"}),
    ("a_dead_letter_says_where_the_records_lie_and_not_what_they_say", "pipe:PipeRun._send_dead_letter", '":sns:"', '":sms:"', {"arn": TOPIC, "where": TOPIC}),
    ("nothing_passes_a_dead_letter_that_cannot_be_sent", "delivery:Delivery._give_up", "self._wait_before_retry(tries)", "break"),
    ("without_a_dead_letter_queue_records_are_given_up_in_silence", "delivery:Delivery._give_up", "if self.pipe.dead_letter_arn:", "if True:"),
    ("dead_letters_do_not_go_to_a_fifo_queue", "validation:problem_of", ".fifo", ".lifo"),
    # Checkpoints
    ("a_pipe_goes_on_behind_what_had_ended", "pipe:PipeRun._read", "if reached", "if False"),
    ("only_what_had_not_ended_comes_again", "sender:Sender.work", "self.delivery.deliver(batch)", "self._ended(batch); self.delivery.deliver(batch)"),
    ("latest_misses_nothing_over_a_restart_before_its_first_record", "checkpoints:Checkpoints.started", "if self._started is None", "if True"),
    ("a_pipe_made_again_under_its_name_starts_from_its_starting_position", "checkpoints:Checkpoints.__init__", "{pipe.created_at}", ""),
    ("a_checkpoint_file_that_cannot_be_read_means_starting_over", "checkpoints:Checkpoints._read", "(OSError, ValueError)", "OSError", {"text": "{"}),
    ("a_full_disk_stops_nothing_and_is_told", "checkpoints:Checkpoints.flush", "except OSError", "except KeyError"),
    # The life of a pipe
    ("several_pipes_on_one_stream_each_deliver_everything", "runtime:Runtime.follow", "in problems.items():", "in list(problems.items())[:1]:"),
    ("a_pipe_is_started_stopped_and_started_again_live", "runtime:Runtime.follow", "run.halt()", "pass"),
    ("a_changed_pipe_goes_on_with_its_new_settings_once_the_batch_under_way_has_ended", "runtime:Runtime.follow", "arn not in self._ending", "True"),
    ("a_changed_pipe_goes_on_with_its_new_settings_once_the_batch_under_way_has_ended", "runtime:Runtime.follow", "wanted.get(arn) != run.pipe", "arn not in wanted"),
    ("a_runtime_that_is_told_to_end_lets_the_batch_under_way_end", "runtime:Runtime.stop", "thread.join(", "max(0.0, "),
    ("a_pipe_that_aws_would_refuse_is_not_run_and_says_why", "runtime:Runtime.follow", "not problem and", ""),
    # Filters
    ("a_filter_lets_through_what_matches_and_passes_over_the_rest", "shard:ShardReader._take", "if passed_over:", "if False:"),
    ("a_filter_looks_into_data_as_json", "filters:_names_data", '"data" in pattern', '"body" in pattern'),
    ("a_filter_on_data_drops_what_is_not_json_without_a_trace", "inputs:with_data_parsed", "(ValueError, RecursionError)", "ValueError"),
    ("a_filter_on_data_drops_what_is_not_json_without_a_trace", "filters:Filters._matches", "is not NOT_JSON and", "is NOT_JSON or"),
    ("a_filter_on_other_fields_lets_through_what_is_not_json", "filters:Filters._matches", "not _names_data(pattern)", "False"),
    ("one_of_several_filters_is_enough", "filters:Filters.accept", "any(", "all("),
    *(
        ("the_comparison_operators_of_pipes", f"patterns:{function}", old, new, {"operator": operator})
        for operator, function, old, new in [
            ("equals", "_value_matches", "type(rule) is type(value) and", ""),
            ("prefix", "_value_matches", "OPERATORS[operator]", "OPERATORS['suffix']"),
            ("prefix ignoring case", "_value_matches", "OPERATORS[operator]", "OPERATORS['suffix']"),
            ("suffix", "_value_matches", "OPERATORS[operator]", "OPERATORS['prefix']"),
            ("suffix ignoring case", "_value_matches", "OPERATORS[operator]", "OPERATORS['prefix']"),
            ("equals ignoring case", "_value_matches", "OPERATORS[operator]", "OPERATORS['prefix']"),
            ("anything but", "_anything_but", "return not any", "return any"),
            ("anything but several", "_anything_but", "operand if isinstance(operand, list) else", ""),
            ("numeric range", "_numeric", "isinstance(value, bool) or", ""),
            ("numeric equals", "_numeric", "return all", "return not all"),
            ("or", "_rule_matches", "any(leaf is", "all(leaf is not leaf and leaf is"),
        ]
    ),
    ("exists_asks_for_a_leaf", "patterns:_rule_matches", "and not isinstance(value, dict))", ")"),
    ("fields_are_anded_and_dollar_or_gives_alternatives", "patterns:_field_matches", "return any(matches(alternative", "return all(matches(alternative"),
    ("operators_of_event_buses_are_refused", "patterns:_problem_of_rule", 'if bus_operators', 'if True'),
    ("operators_of_event_buses_work_where_the_setting_says_so", "patterns:_wildcard", '".*" if', '"[^a]" if'),
    ("operators_of_event_buses_work_where_the_setting_says_so", "patterns:_anything_but", "return not _value", "return _value"),
    ("a_filter_that_cannot_work_is_refused", "filters:_problem_of_fields", "name in ADDED_BY_THE_PIPE", "False"),
    # Input templates
    ("a_template_is_applied_to_every_record_and_looks_into_data", "inputs:transformed", "in batch", "in batch[:1]"),
    ("a_variable_in_quotes_becomes_text", "inputs:_in_quotes", "[1:-1] if is_json", " if is_json"),
    ("a_lone_path_to_an_object_loses_its_quotes", "inputs:render", "_as_text(value) if isinstance(value, dict | list)", "value if isinstance(value, dict | list)"),
    ("a_template_may_be_plain_text", "inputs:render", "if not is_json:", "if False:"),
    ("data_that_is_not_json_stays_base64", "inputs:_Values.__init__", "parsed if self._is_json else record", "parsed"),
    ("the_reserved_variables", "inputs:_Values.__init__", '"aws.pipes.event": text', '"aws.pipes.event": self._event'),
    ("a_template_that_makes_no_json_fails_the_delivery", "inputs:render", "raise TemplateError", "return '0'; raise TemplateError"),
    ("transformed_records_are_named_by_their_event_id", "target:failures_named_in", 'identifier in ("eventID"', 'identifier in ("id"'),
    # Credentials and trouble
    ("credentials_are_renewed_before_they_expire", "aws:role_session", "expiry.isoformat()", "expiry.replace(year=2999).isoformat()"),
    ("a_sender_that_something_unforeseen_stops_is_seen_and_goes_on", "restarting:RestartingThread.run", "self.crash, self.crashed_at =", "return None; self.crash, self.crashed_at ="),
    ("a_sender_that_something_unforeseen_stops_is_seen_and_goes_on", "sender:Sender.work", "self._under_way or", ""),
    ("a_reader_that_something_unforeseen_stops_is_seen_and_goes_on", "shard:ShardReader._take", "records = [", "self._position = after(raw[-1]['SequenceNumber']); self._iterator = None; records = ["),
    ("a_stalled_stream_is_waited_for", "shard:ShardReader._note_failure", "str(error)", "''"),
    ("a_shard_that_is_gone_is_left_and_its_children_are_read", "pipe:PipeRun._update_readers", "reader.leave()", "pass"),
    # What an operator sees
    ("metrics_have_the_names_units_and_dimensions_of_aws", "metrics:data_of", '"EventSize", "Bytes"', '"EventSize", "None"'),
    ("metrics_have_the_names_units_and_dimensions_of_aws", "metrics:Metrics.send", "gathered, self._gathered = self._gathered, defaultdict(list)", "gathered = self._gathered"),
    ("metrics_that_cannot_be_sent_are_dropped", "metrics:Metrics.send", "except Exception", "except KeyError"),
    ("the_status_says_how_far_a_shard_is_and_what_is_left", "status:_lag_seconds", "oldest is None", "True"),
    ("the_status_says_how_far_a_shard_is_and_what_is_left", "checkpoints:Progress.unfinished", "- len(self._done)", "+ 1"),
]  # fmt: skip


@contextmanager
def mutated(where: str, old: str, new: str) -> Iterator[None]:
    """Exchange words of one function of the runtime.

    Args:
        where: module and function, `sender:Sender.put`.
        old: words of the function.
        new: what stands in their place.
    """
    module_name, _, path = where.partition(":")
    room = "emulator" if module_name == "aws" else "pipe"
    module = importlib.import_module(f"pipeline.{room}.{module_name}")
    function: Any = module
    for name in path.split("."):
        function = inspect.getattr_static(function, name)
    function = _plain(function)
    source = textwrap.dedent(inspect.getsource(function))
    assert old in source, f"{where} does not say {old!r} any more"
    made: dict[str, Any] = {}
    exec(compile(source.replace(old, new), f"<{where}, wrong>", "exec"), vars(module) | {}, made)
    before = function.__code__
    function.__code__ = _plain(made[function.__name__]).__code__
    try:
        yield
    finally:
        function.__code__ = before


def _plain(function: Any) -> Any:
    return getattr(function, "fget", None) or getattr(function, "__func__", None) or function


def unnoticed(wrong: tuple[Any, ...], patience: float = PATIENCE_SECONDS) -> str:
    """Run a wrong runtime against its fact. Returns what nobody noticed; empty if the fact's test failed."""
    name, where, old, new, *given = wrong
    test = facts()[f"test_{name}"]
    # A wrong runtime may still write while its folder is removed.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder, mutated(where, old, new):
        harness = Harness(Path(folder), patience)
        try:
            test(harness, **(given[0] if given else {}))
        except Exception:
            return ""
        finally:
            harness.close()
    return f"{name}: {where} with {new!r} for {old!r}"


def _be_quiet() -> None:
    """In here every trouble is meant."""
    logging.disable()
    threading.excepthook = lambda crash: None


def main() -> int:
    """Run all of them. Prints what was not noticed."""
    facts()  # imported once, before the processes are split off
    with multiprocessing.get_context("fork").Pool(AT_ONCE, _be_quiet) as processes:
        offenders = [line for line in processes.imap_unordered(unnoticed, WRONG) if line]
    print(*offenders, f"{len(WRONG)} wrong runtimes, {len(offenders)} unnoticed", sep="\n")
    return 1 if offenders else 0


if __name__ == "__main__":
    sys.exit(main())
