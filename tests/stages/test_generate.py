"""The stage `generate`: one summary for every test dialogue, and what it cost."""

import pytest
import torch

from pipeline import generate, validate
from pipeline.core import files
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.models.tuned import DEMONSTRATIONS, save_tuned
from pipeline.parameters.score import Score
from pipeline.parameters.validate import Validate
from tests import tiny
from tests.systems import SUMMARIES


def row(number, dialogue="A: Is it late?\nB: Yes."):
    prompt = f"Sum up: {dialogue}"
    return {
        "id": str(number),
        "prompt": prompt,
        "instruction": prompt,
        "source": dialogue,
        "completion": "Late.",
        "references": ["It is late."],
    }


def run(folder, base, architecture, method, rows, **changes):
    """Predictions and record that the stage leaves."""
    paths = Paths(folder)
    files.write_jsonl(paths.prompts("test"), rows)
    if not paths.tuned_model(method).exists():
        files.write_jsonl(paths.tuned_model(method) / DEMONSTRATIONS, [])
    if not paths.base_model.exists():
        paths.base_model.parent.mkdir(exist_ok=True)
        paths.base_model.symlink_to(base)
    tiny.write_limits(paths)
    generate.run(
        method,
        paths,
        model=tiny.model_params(architecture),
        template=tiny.template_params(),
        generate=tiny.generate_params(**{"max_new_tokens": 6} | changes),
    )
    return files.read_jsonl(paths.predictions(method)), files.read_json(paths.generation_run(method))


def test_every_dialogue_gets_a_summary_in_its_place(tmp_path, base, architecture):
    rows = [row(number, text[: 30 + 40 * (number % 3)]) for number, text in enumerate(tiny.texts()[:6])]
    predictions, record = run(tmp_path, base, architecture, "zero_shot", rows, batch_size=4)
    assert [one["id"] for one in predictions] == [one["id"] for one in rows]
    assert all(one["references"] == ["It is late."] for one in predictions)
    assert all(one["tokens"] <= 6 and (one["ended"] or one["tokens"] == 6) for one in predictions)
    assert record["examples"] == 6 and record["batch_size"] == 4
    assert record["new_tokens"] == sum(one["tokens"] for one in predictions)
    assert record["extra_prompt_tokens"] == 0
    assert all(one["nats"] > 0 for one in predictions if one["tokens"])
    for key in ("seconds", "cpu_seconds", "contention", "peak_mib"):
        assert set(record[key]) == {"load", "warm-up", "generate", "read"}
    assert 0 < record["imports_mib"] <= record["peak_mib"]["load"]


def test_soft_tokens_and_worked_examples_are_counted_as_extra_prompt_tokens(tmp_path, seq2seq_base):
    save_tuned(tiny.adapted("prompt_tuning", seq2seq_base, "seq2seq"), Paths(tmp_path).tuned_model("prompt_tuning"))
    _, record = run(tmp_path, seq2seq_base, "seq2seq", "prompt_tuning", [row(1)])
    assert record["extra_prompt_tokens"] == 20
    files.write_jsonl(Paths(tmp_path).tuned_model("few_shot") / "demonstrations.jsonl", [row(5), row(6)])
    _, record = run(tmp_path, seq2seq_base, "seq2seq", "few_shot", [row(1)])
    assert record["extra_prompt_tokens"] > 30


def test_all_empty_summaries_are_an_error_in_test_and_score_nothing_in_a_sweep(tmp_path, seq2seq_base, capsys):
    """A learning rate that is far too high is a value like others of a search."""
    paths = Paths(tmp_path)
    model = tiny.load(seq2seq_base, "seq2seq")
    with torch.no_grad():  # whatever it reads, it ends at once
        model.network.lm_head.weight.zero_()
    model.network.config.tie_word_embeddings = False
    model.network.requires_grad_(True)
    save_tuned(model, paths.tuned_model("full"))
    with pytest.raises(InputError, match="every one of 1 outputs is empty"):
        run(tmp_path, seq2seq_base, "seq2seq", "full", [row(1)])
    assert not paths.predictions("full").exists()
    files.write_jsonl(paths.prompts("validation"), [row(1)])
    files.write_jsonl(paths.records("validation"), [row(1) | {"dialogue": row(1)["source"]}])
    validate.run(
        "full",
        paths,
        task=SUMMARIES,
        model=tiny.model_params("seq2seq"),
        template=tiny.template_params(),
        generate=tiny.generate_params(max_new_tokens=6),
        validate=tiny.section("validate", Validate),
        score=tiny.section("score", Score),
    )
    assert "full: WARNING: every one of 1 outputs is empty" in capsys.readouterr().out
    assert [one["rouge1"] for one in files.read_parquet(paths.validation("full"))] == [0.0]
