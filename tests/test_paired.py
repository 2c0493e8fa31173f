"""The table of benchmarks/paired.py, on scores whose answer is known."""

import numpy as np

from benchmarks import paired
from pipeline.core import files


def write(folder, name, values):
    files.write_parquet(folder / f"{name}.parquet", [{"rouge1": float(value)} for value in values])


def test_steps_are_means_over_seeds_and_dialogues(tmp_path):
    rng = np.random.default_rng(1)
    base = rng.uniform(20, 40, size=80)
    for run, shift in ((tmp_path / "1", -1), (tmp_path / "2", 1)):
        write(run, "zero_shot", base)
        write(run, "lora", base + 10 + shift + rng.normal(size=80))
        write(run, "full", base + 10 + rng.normal(size=80))
    runs = [tmp_path / "1", tmp_path / "2"]
    table = paired.table(runs, paired.steps(runs, ["zero_shot", "lora", "full"]))
    head = [column.title for column in table.columns]
    zero_shot, lora, full = ([str(cell) for cell in row.cells] for row in table.rows)
    assert head == ["method", "1", "2", "mean", "95 %", "step", "95 %", "p"]
    assert zero_shot[1:4] == [f"{base.mean():.1f}"] * 3 and zero_shot[5:] == ["", "", ""]
    assert abs(float(lora[2]) - float(lora[1]) - 2) < 0.5
    assert abs(float(lora[5]) - 10) < 0.3 and lora[7] == "< 0.001"
    assert abs(float(full[5])) < 0.4 and float(full[7]) > 0.01
