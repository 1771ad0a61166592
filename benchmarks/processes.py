"""What the local cloud's processes use: processor time and memory, by process."""

from collections.abc import Callable, Iterator

import psutil

from pipeline.cloud import Cloud

MEGABYTE = 2**20


def cpu_seconds(where: Cloud) -> dict[str, float]:
    """Return the processor time that emulator and pipe runtime have used since they started."""
    emulator, runtime = _services(where)
    return {"emulator_cpu_seconds": _cpu(emulator), "runtime_cpu_seconds": _cpu(runtime)}


def memory(where: Cloud) -> dict[str, float]:
    """Return what the processes hold, in MB: of the Lambda workers the largest."""
    emulator, runtime = _services(where)
    workers = list(_of_those_alive(emulator.children(recursive=True), _resident))
    return {
        "runtime_mb": _resident(runtime),
        "worker_mb": max(workers, default=0.0),
        "emulator_mb": _resident(emulator),
    }


def _services(where: Cloud) -> tuple[psutil.Process, psutil.Process]:
    status = where.pipe_status() or {}
    return psutil.Process(status["emulator"]["pid"]), psutil.Process(status["runtime"]["pid"])


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return times.user + times.system


def _resident(process: psutil.Process) -> float:
    return process.memory_info().rss / MEGABYTE


def _of_those_alive(processes: list[psutil.Process], read: Callable[[psutil.Process], float]) -> Iterator[float]:
    for process in processes:
        try:
            yield read(process)
        except psutil.NoSuchProcess:
            continue
