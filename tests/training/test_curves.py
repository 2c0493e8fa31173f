"""What a training shows of itself."""

import json
import re

from pipeline.training.curves import format_duration
from tests import tiny


def column(path):
    return [float(line.split("\t")[1]) for line in path.read_text().splitlines()[1:]]


def test_the_loss_curve_holds_training_and_validation(tmp_path, seq2seq_base):
    tiny.trainer(seq2seq_base, tmp_path).train()
    lines = (tmp_path / "curves/plots/metrics/train/loss.tsv").read_text().splitlines()
    assert lines[0] == "step\tloss"
    assert [int(line.split("\t")[0]) for line in lines[1:]] == [1, 2, 3, 4]
    assert json.loads((tmp_path / "curves/metrics.json").read_text())["validation"]["loss"] > 0


def test_speed_and_time_left_are_logged_beside_the_curve(tmp_path, seq2seq_base, capsys):
    trainer = tiny.trainer(seq2seq_base, tmp_path)
    with trainer.monitor.phase("train"):
        trainer.train()
    rates = column(tmp_path / "speed/plots/metrics/tokens_per_second.tsv")
    left = column(tmp_path / "speed/plots/metrics/seconds_left.tsv")
    assert len(rates) == 4 and min(rates) > 0
    assert left[-1] == 0
    tokens = 2 * sum(map(trainer.model.count_tokens, trainer.examples))
    # the phase also holds what comes before the first and after the last step
    assert tokens <= max(rates) * trainer.monitor.seconds["train"]
    first, *_, last = capsys.readouterr().out.splitlines()
    assert re.fullmatch(r"train full: step 1/4, epoch .*: loss [\d.]+, .* tokens/s, \d+ s left", first)
    assert "validation loss" in last


def test_curves_and_speed_share_no_file(tmp_path, seq2seq_base):
    """Two runs on one machine have the same curves, byte by byte, and never the same speed."""
    for name in ("first", "second"):
        tiny.trainer(seq2seq_base, tmp_path / name).train()
    first, second = (
        {path.relative_to(tmp_path / name): path.read_bytes() for path in (tmp_path / name / "curves").rglob("*.*")}
        for name in ("first", "second")
    )
    assert first == second and any(path.name == "loss.tsv" for path in first)
    assert "tokens_per_second" not in (tmp_path / "first/curves/metrics.json").read_text()


def test_durations_read_as_people_say_them():
    assert [format_duration(seconds) for seconds in (0.4, 42, 200, 7500)] == ["0 s", "42 s", "3 min", "2 h 5 min"]
