"""A part of the benchmark: the plan of a whole process against a training in one."""

from pathlib import Path

import pytest

from benchmarks import plan_memory

ROOT = Path(__file__).parents[2]


@pytest.mark.slow
@pytest.mark.parametrize("method", ["full", "lora"])
def test_a_process_takes_what_the_plan_says_within_15_percent(method, tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    case = plan_memory.Case(ROOT / "models/tiny_t5", "seq2seq", "fp32", method, 4)
    record = plan_memory.measured(case, tmp_path)
    above, total = plan_memory.planned(case, int(record["imports_mib"] * plan_memory.MIB))
    peak = record["peak_mib"]["train"] * plan_memory.MIB
    assert total == pytest.approx(peak, rel=0.15)
    assert above == pytest.approx(peak - record["model_mib"] * plan_memory.MIB, rel=0.25)
