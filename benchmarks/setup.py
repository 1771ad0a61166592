"""Deploy a pipeline to measure on, and what the peers need."""

import shutil
import tempfile
from pathlib import Path

from benchmarks.testbed import Testbed
from pipeline.cloud import Cloud
from pipeline.provisioning import bundle, deployment, stack
from pipeline.waiting import eventually

HERE = Path(__file__).parent


def set_up(cloud: Cloud, batch_size: int, shards: int, scratch: Path) -> Testbed:
    """Deploy a pipeline with that batch size and number of shards, what the peers need, and all contenders' code."""
    name = f"bench-{batch_size}-{shards}"
    pipeline = deployment.up(cloud, name, {"BatchSize": batch_size, "ShardCount": shards})
    function = cloud.client("lambda").get_function_configuration(FunctionName=pipeline.outputs["ProjectorName"])
    peers = _peers(cloud, f"{name}-peers", pipeline.outputs["StockTableName"], function["Role"].rpartition("/")[2])
    code = _bundle()
    bundle.upload(cloud.client("s3"), pipeline.outputs["ArtifactBucketName"], code)
    cloud.client("lambda").update_function_code(
        FunctionName=pipeline.outputs["ProjectorName"], S3Bucket=pipeline.outputs["ArtifactBucketName"], S3Key=code.key
    )
    return Testbed(pipeline, pipeline.outputs | peers, scratch / name)


def _bundle() -> bundle.Bundle:
    """Zip the projector's source, as it is, with the contenders beside it."""
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(bundle.SOURCE, folder, dirs_exist_ok=True)
        shutil.copytree(HERE / "contenders", Path(folder) / "contenders")
        return bundle.build(Path(folder))


def _peers(cloud: Cloud, name: str, table: str, role: str) -> dict[str, str]:
    if stack.describe(cloud, name):
        return stack.outputs(cloud, name)
    parameters = {"StockTableName": table, "ProjectorRoleName": role}
    cloud.client("cloudformation").create_stack(
        StackName=name,
        TemplateBody=(HERE / "peers.yaml").read_text(),
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()],
    )
    eventually(lambda: (stack.describe(cloud, name) or {}).get("StackStatus") == "CREATE_COMPLETE", 60)
    return stack.outputs(cloud, name)
