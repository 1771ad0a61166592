"""Local or AWS: which one is reached, and that nothing else can be."""

import boto3
import pytest
from botocore.exceptions import EndpointConnectionError, NoCredentialsError, NoRegionError, ReadTimeoutError
from botocore.stub import Stubber

from pipeline import cloud
from pipeline.emulator import aws, guard
from pipeline.errors import UserError
from tests.doubles.errors import client_error

ACCOUNT = "123456789012"
LAYER = "arn:aws:lambda:us-east-2:017000801446:layer:AWSLambdaPowertoolsPythonV3-python313-arm64:7"


@pytest.fixture(autouse=True)
def a_folder_of_its_own(monkeypatch, tmp_path):
    monkeypatch.setenv("INVENTORY_STATE_DIR", str(tmp_path / "state"))
    monkeypatch.delenv("INVENTORY_AWS_ACCOUNT_ID", raising=False)


class FakeAws:
    """A boto3 session whose credentials belong to one account. Notes which services were asked for."""

    region_name = "us-east-2"

    def __init__(self):
        self.asked = []
        self.trouble = None

    def client(self, service, **_):
        self.asked.append(service)
        if self.trouble and service == "sts":
            raise self.trouble
        made = boto3.session.Session("x", "y", region_name="us-east-2").client(service)
        stub = Stubber(made)
        if service == "sts":
            stub.add_response(
                "get_caller_identity", {"Account": ACCOUNT, "Arn": "arn:aws:iam::123456789012:user/me", "UserId": "me"}
            )
        if service == "ssm":
            stub.add_response("get_parameter", {"Parameter": {"Value": LAYER}})
        stub.activate()
        return made


@pytest.fixture
def fake_aws(monkeypatch):
    fake = FakeAws()
    monkeypatch.setattr(boto3, "Session", lambda: fake)
    return fake


def test_aws_is_not_touched_unless_an_account_is_named(fake_aws):
    with pytest.raises(UserError, match="--account-id"):
        cloud.start("aws")
    with pytest.raises(UserError, match="--account-id"):
        cloud.join("aws")
    assert fake_aws.asked == []


def test_aws_is_not_touched_when_the_credentials_belong_to_somebody_else(fake_aws):
    with pytest.raises(UserError, match=f"account {ACCOUNT}, not to 999999999999"):
        cloud.start("aws", "999999999999")
    assert fake_aws.asked == ["sts"]


@pytest.mark.parametrize("by_name", [True, False])
def test_aws_is_used_when_the_given_account_is_the_callers(fake_aws, monkeypatch, by_name):
    if not by_name:
        monkeypatch.setenv("INVENTORY_AWS_ACCOUNT_ID", ACCOUNT)
    where = cloud.start("aws", ACCOUNT if by_name else None)
    assert (where.name, where.region, where.endpoint_url) == ("aws", "us-east-2", None)
    assert fake_aws.asked == ["sts"], "who only reads needs no permission to look up a layer"
    assert where.powertools_layer_arn() == LAYER


def test_no_credentials_is_one_clear_sentence(fake_aws):
    fake_aws.trouble = NoCredentialsError()
    with pytest.raises(UserError, match=r"AWS cannot be used: .*credentials"):
        cloud.start("aws", ACCOUNT)


def test_no_region_is_one_clear_sentence(fake_aws):
    fake_aws.trouble = NoRegionError()
    with pytest.raises(UserError, match=r"AWS cannot be used: .*region"):
        cloud.start("aws", ACCOUNT)


def test_what_a_client_could_not_do_is_said_of_the_cloud_that_it_asked_with_what_to_do_next(running, monkeypatch):
    silent = EndpointConnectionError(endpoint_url="http://127.0.0.1:1")
    refused = client_error("GetItem", "ResourceNotFoundException")
    assert cloud.explain(silent, "aws", "mine").startswith("AWS said: Could not connect")
    assert cloud.explain(refused, "local", "mine").startswith("the local cloud said: An error occurred (ResourceNot")
    gone = cloud.explain(silent, "local", "mine")
    assert gone.startswith("no local cloud is running here. Start one with: ")
    assert gone.endswith("inventory up --stack-name mine")
    monkeypatch.setenv("INVENTORY_STATE_DIR", str(running.inventory.state_dir))
    for error in (silent, ReadTimeoutError(endpoint_url="http://127.0.0.1:1")):
        stuck = cloud.explain(error, "local", "mine")
        assert stuck.startswith(f"the local cloud at {running.facts['endpoint_url']} does not answer.")
        assert "inventory down --all && " in stuck and stuck.endswith("inventory up --stack-name mine")


def test_a_cloud_of_another_name_does_not_exist():
    with pytest.raises(UserError, match="choose local or aws"):
        cloud.start("azure", ACCOUNT)


def test_a_local_cloud_that_does_not_run_cannot_be_joined():
    with pytest.raises(UserError, match="no local cloud is running here"):
        cloud.join()
    assert not cloud.is_running()


@pytest.mark.parametrize(
    "url", ["https://kinesis.us-east-1.amazonaws.com", "http://192.0.2.1:4566", "http://127.0.0.1.example.com"]
)
def test_a_request_of_the_local_cloud_never_leaves_this_machine(url, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    client = aws.client(aws.root_session(), "sts", url)
    with pytest.raises(guard.NotLoopbackError, match="never talks to"):
        client.get_caller_identity()


def test_the_environment_cannot_redirect_the_local_cloud(joined, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://192.0.2.1:4566")
    monkeypatch.setenv("AWS_ENDPOINT_URL_KINESIS", "http://192.0.2.1:4566")
    monkeypatch.setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIA-SOMEBODY-ELSE")
    monkeypatch.setenv("HTTP_PROXY", "http://192.0.2.1:3128")
    where = cloud.join()
    assert where.client("kinesis").meta.endpoint_url == joined.endpoint_url
    assert where.client("kinesis").list_streams()["StreamNames"]
    assert where.client("sts").get_caller_identity()["Account"] == "000000000000"


def test_a_client_is_made_once(joined):
    assert joined.client("sqs") is joined.client("sqs")


def test_no_credential_of_aws_is_in_what_up_prints_and_in_no_text_of_the_cloud(fake_aws, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wJalrXUtnFEMI")
    where = cloud.start("aws", ACCOUNT)
    assert where.env.keys() == {"AWS_DEFAULT_REGION", "AWS_REGION"}
    assert "wJalrXUtnFEMI" not in repr(where)


def test_what_is_printed_is_all_that_a_client_needs(running):
    env = running.facts["env"]
    credentials = {"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"}
    endpoint = {"AWS_ENDPOINT_URL", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"}
    assert env.keys() - {"NO_PROXY", "no_proxy"} == {"AWS_DEFAULT_REGION", "AWS_REGION", *endpoint, *credentials}
    assert running.client("sts").get_caller_identity()["Account"] == "000000000000"
