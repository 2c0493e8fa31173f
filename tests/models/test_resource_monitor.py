"""Clocks and peaks by phase, on phases that take a known time and a known amount of memory."""

import time

import pytest

from pipeline.models import resource_monitor


def test_a_phase_inside_another_pauses_it():
    clock = resource_monitor.Meter()
    with clock.phase("train"):
        time.sleep(0.05)
        with clock.phase("validation"):
            time.sleep(0.1)
        assert clock.spent("train") == pytest.approx(0.05, abs=0.04)
    assert clock.seconds["train"] == pytest.approx(0.05, abs=0.04)
    assert clock.seconds["validation"] == pytest.approx(0.1, abs=0.04)
    assert clock.spent("validation") == clock.seconds["validation"]


def test_a_peak_belongs_to_the_phase_that_held_it():
    clock = resource_monitor.Meter()
    with clock.phase("quiet"):
        time.sleep(0.05)
    with clock.phase("large"):
        held = bytearray(200 * 2**20)
        held[:: 2**12] = bytes(len(held) // 2**12)  # touched, or the system gives no memory for it
        time.sleep(0.1)
        del held
    peaks = clock.report()["peak_mib"]
    assert 190 < peaks["large"] < 260
    assert peaks["quiet"] < 50
