"""Alarms and a dashboard beside a pipeline: made, told of trouble, deleted with what they watch, and nobody else's."""

import json

import pytest

from pipeline.paths import OBSERVABILITY
from pipeline.provisioning import deployment, observability, stack

QUEUE = json.dumps({"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}})
NAMES = dict.fromkeys(("PipelineStackName", "StreamName", "PipeName", "ProjectorName", "DeadLetterQueueName"), "x")


def silent(line):
    pass


@pytest.fixture
def queue_stack(joined):
    """Make a stack that holds one queue."""
    return lambda name: joined.client("cloudformation").create_stack(StackName=name, TemplateBody=QUEUE)


def test_an_alarm_rings_and_its_topic_is_told(running, joined, inventory_here, eventually):
    sns, sqs = joined.client("sns"), joined.client("sqs")
    topic = sns.create_topic(Name="operators")["TopicArn"]
    inbox = sqs.create_queue(QueueName="operators")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=inbox, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    may_send = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [may_send | {"Resource": arn}]})
    sqs.set_queue_attributes(QueueUrl=inbox, Attributes={"Policy": policy})
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    assert {alarm["state"] for alarm in inventory_here("watch", "--topic", topic)["alarms"]} <= {"OK", "ALARM"}

    queue = running.outputs["DeadLetterQueueUrl"].rpartition("/")[2]
    datum = {"MetricName": "ApproximateNumberOfMessagesVisible", "Value": 2}
    datum["Dimensions"] = [{"Name": "QueueName", "Value": queue}]
    running.client("cloudwatch").put_metric_data(Namespace="AWS/SQS", MetricData=[datum])

    now = {alarm["alarm"]: alarm["state"] for alarm in inventory_here("watch")["alarms"]}
    assert now["DeadLetters"] == "ALARM"
    told = []

    def rang():
        told.extend(message["Body"] for message in sqs.receive_message(QueueUrl=inbox).get("Messages", []))
        return [body for body in told if '"Subject": "ALARM' in body and "DeadLetters" in body]

    eventually(rang, "the topic's message")


def test_down_takes_what_watches_and_up_keeps_it_in_step(joined, queue_stack):
    queue_stack("watched")
    stack.provision(joined, "watched-watch", NAMES, silent, observability.MADE_BY_WATCH, template=OBSERVABILITY)
    assert observability.is_watched(joined, "watched")
    deployment.down(joined, "watched")
    assert not {"watched", "watched-watch"} & set(stack.names(joined))


def test_a_stack_of_that_name_that_is_somebody_elses_is_left_alone(joined, queue_stack):
    queue_stack("lonely")
    queue_stack("lonely-watch")
    with pytest.raises(observability.UserError, match="a stack named lonely-watch already"):
        observability.watch(joined, "lonely", {}, silent)
    deployment.down(joined, "lonely")
    assert "lonely-watch" in stack.names(joined)
    stack.delete(joined, "lonely-watch", silent)


def test_a_topic_that_is_none_is_refused_before_anything_is_looked_up(nowhere, asked):
    done = asked(nowhere, "watch", "--topic", "operators")
    assert (done.returncode, done.stdout) == (2, "") and "parameter AlarmTopicArn should be" in done.stderr
