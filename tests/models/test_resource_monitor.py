"""Seconds, CPU seconds and memory by phase, on phases that take a known time and a known amount of memory."""

import gc
import subprocess
import sys
import time

import pytest

from pipeline.models.resource_monitor import ResourceMonitor, give_back_freed_memory


def hold(mebibytes: int) -> bytearray:
    held = bytearray(mebibytes * 2**20)
    held[:: 2**12] = bytes(len(held) // 2**12)  # touched: the system gives no memory for untouched pages
    time.sleep(0.1)
    return held


def test_a_phase_inside_another_pauses_it():
    monitor = ResourceMonitor()
    with monitor.phase("train"):
        time.sleep(0.05)
        with monitor.phase("validation"):
            time.sleep(0.1)
        assert monitor.elapsed("train") == pytest.approx(0.05, abs=0.04)
    assert monitor.seconds["train"] == pytest.approx(0.05, abs=0.04)
    assert monitor.seconds["validation"] == pytest.approx(0.1, abs=0.04)
    assert monitor.elapsed("validation") == monitor.seconds["validation"]


def test_cpu_seconds_are_those_of_the_phase_that_computed():
    monitor = ResourceMonitor()
    with monitor.phase("idle"):
        time.sleep(0.2)
    with monitor.phase("busy"):
        end = time.process_time() + 0.2
        while time.process_time() < end:
            pass
    report = monitor.report()
    assert report["cpu_seconds"]["idle"] < 0.1
    assert report["cpu_seconds"]["busy"] == pytest.approx(0.2, abs=0.1)
    assert set(report["contention"]) == {"idle", "busy"}
    assert all(0 <= one["core_share"] <= 1 for one in report["contention"].values())


@pytest.fixture
def clean():
    """What the tests before freed is given back now: given back inside a phase, it would hide what the phase takes."""
    gc.collect()
    give_back_freed_memory()


def test_a_peak_is_what_the_process_holds_and_belongs_to_the_phase_that_held_it(clean):
    monitor = ResourceMonitor()
    with monitor.phase("load"):
        model = hold(100)
    with monitor.phase("quiet"):
        time.sleep(0.05)
    with monitor.phase("large"):
        hold(200)
    report = monitor.report()
    peaks, held = report["peak_mib"], report["model_mib"]
    assert report["imports_mib"] > 150  # torch, transformers and PEFT
    assert held - report["imports_mib"] == pytest.approx(100, abs=40)
    assert 190 < peaks["large"] - held < 260
    assert peaks["quiet"] - held < 50
    assert len(model) == 100 * 2**20


def test_memory_that_loading_freed_is_seen_again_where_a_phase_uses_it(clean):
    """In small pieces, which the allocator keeps unless it is told to give them back."""
    monitor = ResourceMonitor()
    with monitor.phase("load"):
        pieces = [b"x" * 20_000 for _ in range(5000)]  # 95 MiB
        last = b"y" * 20_000
        time.sleep(0.1)
        del pieces
    with monitor.phase("train"):
        pieces = [b"x" * 20_000 for _ in range(5000)]
        time.sleep(0.1)
    report = monitor.report()
    assert report["peak_mib"]["train"] - report["model_mib"] > 70
    assert len(pieces) == 5000 and last


@pytest.mark.slow
def test_libraries_are_imported_before_memory_is_counted():
    code = (
        "from pipeline.models.resource_monitor import ResourceMonitor\n"
        "monitor = ResourceMonitor()\n"
        "with monitor.phase('load'):\n"
        "    import torch, transformers, peft\n"
        "report = monitor.report()\n"
        "assert report['model_mib'] - report['imports_mib'] < 10, report\n"
        "assert report['seconds']['load'] < 0.5, report"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_restored_monitor_continues_every_phase_but_loading():
    before, after = ResourceMonitor(), ResourceMonitor()
    for monitor, seconds in ((before, 0.05), (after, 0.02)):
        with monitor.phase("load"):
            time.sleep(seconds)
    with before.phase("train"):
        time.sleep(0.05)
    own = after.seconds["load"]
    after.restore(before.state())
    assert after.seconds == {"load": own, "train": before.seconds["train"]}
    assert after.usage["train"] == before.usage["train"]
    assert after.peak_bytes["train"] == before.peak_bytes["train"]


def test_an_error_ends_its_phase():
    monitor = ResourceMonitor()
    with pytest.raises(ZeroDivisionError), monitor.phase("load"):
        1 / 0  # noqa: B018
    with monitor.phase("train"):
        time.sleep(0.02)
    assert set(monitor.seconds) == {"load", "train"}
