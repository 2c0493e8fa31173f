"""`python -m benchmarks.scoring` runs to its table, on few examples."""

import sys

import pytest

from benchmarks import scoring


@pytest.mark.slow
def test_the_benchmark_measures_every_stage(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["scoring", "--examples", "20", "--systems", "2", "--rounds", "1"])
    scoring.main()
    shown = capsys.readouterr().out
    for stage in ("2 x score", "scores, in one process", "baselines", "compare", "report"):
        assert f"20 examples  {stage}" in shown
    assert "page MB" in shown and "peak MB" in shown
