"""One at a time: a lease that runs out by itself if its holder dies. It is an object in the stack's artifact bucket.

For a redrive nothing rests on it but tidiness: all that it does is conditional, record by record. A rebuild that
switches tables rests on it, and on the pipe that it stopped.
"""

import json
import os
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from threading import Event, Lock, Thread
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


@contextmanager
def kept(cloud: Cloud, outputs: dict[str, str], name: str) -> Iterator[Callable[[], None]]:
    """Hold a lease as `held` does, and renew it also while its holder waits for something.

    What it yields raises a UserError once the lease was lost: to be called before what cannot be taken back.
    """
    with held(cloud, outputs, name) as renew:
        ended = Event()

        def keep() -> None:
            with suppress(UserError):  # the holder meets the same one
                while not ended.wait(LEASE_SECONDS / 4):
                    renew()

        keeper = Thread(target=keep, name=f"lease of {name}", daemon=True)
        keeper.start()
        try:
            yield renew
        finally:
            ended.set()
            keeper.join()


class _Lease:
    def __init__(self, s3: Any, bucket: str, name: str) -> None:
        self._s3, self._name, self._object = s3, name, {"Bucket": bucket, "Key": f"leases/{name}.json"}
        self._etag, self._until, self._lock = "", 0.0, Lock()

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
        with self._lock:
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
