"""Whether other work took the processor: on this process alone, and beside busy loops."""

import multiprocessing
import os
import time
from pathlib import Path

import pytest

from pipeline.core import contention
from pipeline.core.contention import Usage, busy_reason, recent_pressure

LINUX = pytest.mark.skipif(not Path("/proc/self/schedstat").exists(), reason="only Linux counts waiting")


def spin(seconds):
    end = time.process_time() + seconds
    while time.process_time() < end:
        pass


def loop():
    while True:
        pass


@LINUX
def test_beside_busy_loops_a_process_has_a_core_in_a_part_of_the_time():
    core = {min(os.sched_getaffinity(0))}
    kept = os.sched_getaffinity(0)
    loops = [multiprocessing.get_context("fork").Process(target=loop, daemon=True) for _ in range(2)]
    try:
        os.sched_setaffinity(0, core)  # all three on one core, however many there are
        for one in loops:
            one.start()
        before = Usage.now()
        spin(0.3)
        found = (Usage.now() - before).contention()
    finally:
        os.sched_setaffinity(0, kept)
        for one in loops:
            one.kill()
    assert found["core_share"] < 0.6
    assert busy_reason(found).startswith("had a core in")


@LINUX
def test_waiting_is_not_counted_as_waiting_for_a_core():
    before = Usage.now()
    time.sleep(0.3)
    used = Usage.now() - before
    assert used.wall >= 0.3 and used.cpu < 0.1 and used.waited < 0.1


def test_the_threshold_is_a_core_in_80_percent_of_the_time_or_pressure_of_10_percent():
    assert busy_reason({"core_share": 0.8, "pressure": 10.0}) == ""
    assert busy_reason({"core_share": 0.9, "pressure": None}) == ""
    assert "79 %" in busy_reason({"core_share": 0.79, "pressure": None})
    assert "11 %" in busy_reason({"core_share": 0.9, "pressure": 11.0})


def test_usage_adds_up_by_phase():
    usage = Usage(2.0, 1.0, 0.25, 0.5) - Usage(1.0, 0.5, 0.0, 0.25)
    assert usage == Usage(1.0, 0.5, 0.25, 0.25)
    assert usage + usage == Usage(2.0, 1.0, 0.5, 0.5)
    assert usage.contention() == {"core_share": pytest.approx(0.667, abs=1e-3), "pressure": 25.0}


def test_where_nothing_is_counted_the_wall_stands_for_the_time_that_was_needed(monkeypatch):
    monkeypatch.setattr(contention, "_waited", lambda: None)
    monkeypatch.setattr(contention, "_stalled", lambda: None)
    assert Usage.now().waited is None
    assert Usage(10.0, 5.0, None, None).contention() == {"core_share": 0.5, "pressure": None}
    assert Usage(10.0, 19.0, None, None).contention()["core_share"] == 1.0  # two threads


def test_pressure_is_read_as_linux_writes_it(monkeypatch, tmp_path):
    text = "some avg10=31.91 avg60=9.03 avg300=4.65 total=11417581592\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    (tmp_path / "cpu").write_text(text)
    monkeypatch.setattr(contention, "Path", lambda path: tmp_path / Path(path).name)
    assert recent_pressure() == 31.91
    assert contention._stalled() == pytest.approx(11417.581592)
    (tmp_path / "cpu").unlink()
    assert recent_pressure() is None and contention._stalled() is None
