"""Nothing leaves this machine: a watch that every process of the local cloud keeps on itself, functions included.

It needs the standard library only: the emulator puts this file's text in front of what a function's process runs.
Python's sockets are what is watched. An audit hook would see more, and made the emulator's copies of its data twice as
slow: it is asked about every `id()`.
"""

import ipaddress
import socket
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

THIS_MACHINE = ("localhost", "", "0.0.0.0", "::")  # the last three: a socket that listens asks for them


class NotLoopbackError(Exception):
    """Something of the local cloud was about to leave this machine."""


def check_host(host: str) -> None:
    """Refuse a host, a name or a number, that is not this machine."""
    try:
        is_here = host in THIS_MACHINE or ipaddress.ip_address(host).is_loopback
    except ValueError:
        is_here = False
    if not is_here:
        raise NotLoopbackError(f"the local cloud never talks to {host}")


def stay_on_this_machine() -> None:
    """Watch this process from now on. What is refused is also said on standard error, which is a function's log."""
    for name in ("getaddrinfo", "gethostbyname", "gethostbyname_ex", "gethostbyaddr"):
        _watch(socket, name, lambda host=None, *_, **__: host)
    for name in ("connect", "connect_ex"):
        _watch(socket.socket, name, lambda _, address: _host(address))
    _watch(socket.socket, "sendto", lambda _, data, *flags_and_address: _host(flags_and_address[-1]))
    _watch(socket.socket, "sendmsg", lambda _, data, ancillary=(), flags=0, address=None: _host(address))


def _host(address: Any) -> Any:
    """Return the host of (host, port, …). A path is a socket file on this machine."""
    return address[0] if isinstance(address, tuple) else None


def _watch(owner: Any, name: str, host_of: Callable[..., Any]) -> None:
    call = getattr(owner, name)

    @wraps(call)
    def watched(*arguments: Any, **named: Any) -> Any:
        host = host_of(*arguments, **named)
        if isinstance(host, str | bytes):
            try:
                check_host(host if isinstance(host, str) else host.decode())
            except NotLoopbackError as error:
                print(error, file=sys.stderr, flush=True)
                raise
        return call(*arguments, **named)

    setattr(owner, name, watched)
