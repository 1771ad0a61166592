"""One at a time: a lease that runs out by itself if its holder dies. It is an object in the stack's artifact bucket.

Nothing rests on it but tidiness: what its holders do is conditional, record by record.
"""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

from pipeline.cloud import Cloud
from pipeline.errors import UserError

LEASE_SECONDS = 60
TAKEN = ("PreconditionFailed", "ConditionalRequestConflict")


@contextmanager
def held(cloud: Cloud, outputs: dict[str, str], name: str) -> Iterator[Callable[[], None]]:
    """Hold the lease of that name. Yields what renews it, to be called now and then.

    Raises:
        UserError: somebody else holds it, or took it over because it was not renewed in time.
    """
    lease = _Lease(cloud.client("s3"), outputs["ArtifactBucketName"], name)
    lease.take()
    try:
        yield lease.renew
    finally:
        lease.give_back()


class _Lease:
    def __init__(self, s3: Any, bucket: str, name: str) -> None:
        self._s3, self._name, self._object = s3, name, {"Bucket": bucket, "Key": f"leases/{name}.json"}
        self._etag, self._until = "", 0.0

    def take(self) -> None:
        try:
            answer = self._s3.get_object(**self._object)
        except self._s3.exceptions.NoSuchKey:
            return self._put(LEASE_SECONDS, IfNoneMatch="*")
        there = json.loads(answer["Body"].read())
        if there["until"] > time.time():
            until = datetime.fromtimestamp(there["until"], UTC).isoformat(timespec="seconds")
            raise UserError(f"another {self._name} is at work: {there['by']}. Its lease ends at {until}")
        return self._put(LEASE_SECONDS, IfMatch=answer["ETag"])

    def renew(self) -> None:
        if time.time() > self._until - LEASE_SECONDS / 2:
            self._put(LEASE_SECONDS, IfMatch=self._etag)

    def give_back(self) -> None:
        self._put(0, IfMatch=self._etag)

    def _put(self, seconds: float, **condition: str) -> None:
        until = time.time() + seconds
        body = {"by": f"process {os.getpid()} on {socket.gethostname()}", "until": until}
        try:
            answer = self._s3.put_object(**self._object, Body=json.dumps(body).encode(), **condition)
        except ClientError as error:
            if error.response["Error"]["Code"] not in TAKEN:
                raise
            raise UserError(f"another {self._name} has taken the work over; what was done so far stands") from None
        self._etag, self._until = answer["ETag"], until
