"""The stages `perturb` and `robustness`: changed inputs are answered exactly as inputs are."""

import pytest

from pipeline import generate, perturb, robustness, template
from pipeline.core import files
from pipeline.core.paths import SPLITS, Paths
from pipeline.models.tuned import DEMONSTRATIONS
from pipeline.parameters.metrics import Metrics
from tests import tiny
from tests.systems import RECORDS, SUMMARIES, settings

TWO = tiny.section("metrics", Metrics, perturbations={"speakers": {}, "typos": {"share": 0.1}}, examples=3)
FAST = {"max_new_tokens": 6, "batch_size": 2}


@pytest.fixture
def paths(tmp_path, base, architecture) -> Paths:
    """A project with zero_shot, whose test inputs are perturbed."""
    paths = Paths(tmp_path)
    paths.base_model.parent.mkdir()
    paths.base_model.symlink_to(base)
    files.write_jsonl(paths.tuned_model("zero_shot") / DEMONSTRATIONS, [])
    tiny.write_limits(paths)
    for split in SPLITS:
        files.write_jsonl(paths.records(split), RECORDS[:4])
    model, phrasing = tiny.model_params(architecture), tiny.template_params()
    for name in TWO.perturbations:
        perturb.run(name, paths, seed=1, task=SUMMARIES, template=phrasing, model=model, score=settings(), metrics=TWO)
    return paths


def answer(paths: Paths, architecture: str) -> list[dict]:
    robustness.run(
        "zero_shot",
        paths,
        task=SUMMARIES,
        model=tiny.model_params(architecture),
        template=tiny.template_params(),
        generate=tiny.generate_params(**FAST),
        score=settings(),
        metrics=TWO,
    )
    return files.read_parquet(paths.robustness("zero_shot"))


def test_every_changed_input_gets_the_output_that_generate_writes(paths, architecture):
    rows = answer(paths, architecture)
    assert [(row["perturbation"], row["id"]) for row in rows] == [
        (name, f"d{number}") for name in ("speakers", "typos") for number in range(3)
    ]
    changed = {name: files.read_jsonl(paths.perturbed(name) / "records.jsonl") for name in TWO.perturbations}
    for split in SPLITS:  # as if the changed records were the test set
        files.write_jsonl(paths.records(split), changed["speakers"])
    model, phrasing = tiny.model_params(architecture), tiny.template_params()
    template.run(paths, seed=1, task=SUMMARIES, template=phrasing, model=model)
    assert files.read_jsonl(paths.prompts("test")) == files.read_jsonl(paths.perturbed("speakers") / "prompts.jsonl")
    generate.run("zero_shot", paths, model=model, template=phrasing, generate=tiny.generate_params(**FAST))
    expected = [row["prediction"] for row in files.read_jsonl(paths.predictions("zero_shot"))]
    assert [row["prediction"] for row in rows[:3]] == expected
    assert all(isinstance(row["rouge1"], float) and row["seed"] is None for row in rows)


def test_unchanged_inputs_are_left_out(paths, architecture, capsys):
    records = [RECORDS[0], RECORDS[1] | {"dialogue": "Nobody speaks."}]
    files.write_jsonl(paths.records("test"), records)
    model, phrasing = tiny.model_params(architecture), tiny.template_params()
    perturb.run(
        "speakers", paths, seed=1, task=SUMMARIES, template=phrasing, model=model, score=settings(), metrics=TWO
    )
    assert [row["id"] for row in files.read_jsonl(paths.perturbed("speakers") / "records.jsonl")] == ["d0"]
    assert "speakers: changes 1 of 2 inputs" in capsys.readouterr().out
