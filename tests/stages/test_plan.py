"""The command `plan`: what it prints, what it times, and when it refuses."""

import json
import shutil

import pytest
import yaml

from pipeline import plan
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.core.token_files import write_tokens
from tests import tiny
from tests.project import ROOT


@pytest.fixture
def folder(tmp_path, seq2seq_base, monkeypatch):
    values = yaml.safe_load((ROOT / "params.yaml").read_text())
    values["methods"] = ["zero_shot", "lora"]
    values["model"]["path"] = str(seq2seq_base)
    values["tokenize"] |= {"max_source_tokens": 64, "max_target_tokens": 16}
    values["generate"] |= {"max_new_tokens": 8, "batch_size": 2}
    (tmp_path / "params.yaml").write_text(json.dumps(values))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(monkeypatch, capsys, *arguments: str) -> str:
    monkeypatch.setattr("sys.argv", ["plan", *arguments])
    plan.main()
    return capsys.readouterr().out


def test_before_anything_has_run_a_configuration_is_enough(folder, monkeypatch, capsys, seq2seq_base):
    (folder / "only").mkdir()
    shutil.copy(seq2seq_base / "config.json", folder / "only")
    text = run(monkeypatch, capsys, "--model", "only/config.json")
    assert "batches of the longest allowed examples" in text and "lora: fits" in text
    assert "optimizer states" in text and " s a batch" not in text
    assert sorted(path.name for path in folder.iterdir()) == ["only", "params.yaml"]


@pytest.mark.slow
def test_with_weights_and_tokens_steps_are_timed(folder, monkeypatch, capsys, seq2seq_base):
    paths = Paths()
    shutil.copytree(seq2seq_base, paths.base_model)
    rows = tiny.examples(tiny.load(seq2seq_base, "seq2seq"), tuple(text[:60] for text in tiny.texts()[:12]))
    for split in ("train", "validation"):
        write_tokens(paths.tokens(split), rows)
    found = json.loads(run(monkeypatch, capsys, "--json"))
    lora = found["methods"]["lora"]
    assert lora["steps"] == 6 and lora["seconds"]["step"] > 0 and found["seconds"]["lora"] > 6 * lora["seconds"]["step"]
    assert found["methods"]["zero_shot"]["training"] is None and found["methods"]["zero_shot"]["seconds"]["batch"] > 0


def test_what_would_make_it_fit_is_said(folder, monkeypatch, capsys):
    monkeypatch.setattr("pipeline.models.limits.available_memory", lambda: -(2**40))
    text = run(monkeypatch, capsys, "--no-probe")
    assert "lora: does not fit" in text
    assert "too much: -S train.gradient_checkpointing=true" in text
    assert "-S train.batch_size=2 -S train.gradient_accumulation_steps=2" in text


def test_a_missing_configuration_is_refused(folder, monkeypatch, capsys):
    with pytest.raises(InputError, match=r"nowhere: no such configuration; name a model folder"):
        run(monkeypatch, capsys, "--model", "nowhere")
