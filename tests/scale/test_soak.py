"""The long run's figure: its caption says what its data show."""

from pipeline.scale import soak


def run(last: dict, discrepancies: list | None = None) -> dict:
    first = {"events_per_second": 5000.0, "runtime_mb": 100.0, "worker_mb": 60.0, "emulator_mb": 130.0}
    audit = {"records": 100_000, "applied": 99_000, "discrepancies": discrepancies or []}
    about = {"made_on": "2026-11-22", "code": "?", "machine": {"cores": 2}}
    sent = {"events": 100_000, "chunk": 50_000, "chunks": [first, first | last]}
    return about | sent | {"audit": audit, "audit_mb": 120.4}


def test_a_run_that_slows_down_and_leaks_says_so():
    measured = run({"events_per_second": 1000.0, "runtime_mb": 350.0}, ["P1: 3 instead of 4"])
    caption = soak.figure(measured).caption
    assert "3,000 a second in the median (1,000 to 5,000)" in caption
    assert "runtime grew by 250 MB and the Lambda worker by 0 MB" in caption and "found 1 discrepancy" in caption
    assert not soak.holds(measured)


def test_a_steady_run_says_so_too():
    measured = run({})
    assert "with 120 MB of memory, and found no discrepancy" in soak.figure(measured).caption
    assert soak.holds(measured) and soak.grown_mb(measured) == 0


def test_a_long_run_fails_on_each_of_its_promises():
    assert not soak.holds(run({}, ["P1: 3 instead of 4"]))
    assert not soak.holds(run({"worker_mb": 200.0}))
    assert not soak.holds(run({"events_per_second": 3900.0}))
    assert not soak.holds(run({}) | {"events": 200_000})
