"""Seconds and memory peaks by phase, on phases that take a known time and a known amount of memory."""

import time

import pytest

from pipeline.models.resource_monitor import ResourceMonitor


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


def test_a_peak_belongs_to_the_phase_that_held_it():
    monitor = ResourceMonitor()
    with monitor.phase("quiet"):
        time.sleep(0.05)
    with monitor.phase("large"):
        held = bytearray(200 * 2**20)
        held[:: 2**12] = bytes(len(held) // 2**12)  # touched: the system gives no memory for untouched pages
        time.sleep(0.1)
        del held
    peaks = monitor.report()["peak_mib"]
    assert 190 < peaks["large"] < 260
    assert peaks["quiet"] < 50


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
    assert after.peak_bytes["train"] == before.peak_bytes["train"]


def test_an_error_ends_its_phase():
    monitor = ResourceMonitor()
    with pytest.raises(ZeroDivisionError), monitor.phase("load"):
        1 / 0  # noqa: B018
    with monitor.phase("train"):
        time.sleep(0.02)
    assert set(monitor.seconds) == {"load", "train"}
