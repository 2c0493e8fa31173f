"""The whole pipeline on the smoke experiment, in copies of the project, through DVC as people use it."""

import json
import re

import pytest

from support_calls.questions import TASKS
from tests import hub
from tests.project import OF_RUNS, ROOT, Project, after, runs

pytestmark = pytest.mark.slow

METHODS = ["zero_shot", "few_shot", "prompt_tuning", "lora", "full"]
PAGES = {"compare", "report"}  # they run after every change of a result
WRITTEN = {f"{kind}@{run}" for kind in ("validate", "generate") for run in runs("zero_shot", "lora")}
CARDS = {f"model_card@{run}" for run in runs("zero_shot", "lora")}
DRAWN = {"train@zero_shot", *after("lora")}  # zero_shot's "training" looks at the tokens too, and leaves the same


@pytest.fixture
def project(small, tmp_path) -> Project:
    return small.copy(tmp_path / "project")


@pytest.fixture
def with_all_methods(smoke, tmp_path) -> Project:
    return smoke.copy(tmp_path / "project")


def test_every_stage_of_every_method_runs(smoke):
    expected = {"config", "code", "support_calls", "download", "download_model", "prepare", "convert", "template"}
    expected |= {"mix", "tokenize", "baselines", *PAGES}
    assert set(smoke.stages) == expected | after(*METHODS)
    rows = [row for row in smoke.json("reports/comparison.json")["systems"] if row["kind"] == "method"]
    assert [row["name"] for row in rows] == METHODS
    for row in rows:
        assert 0 <= row["scores"]["rouge1"]["low"] <= row["scores"]["rouge1"]["high"] <= 100
        assert (row["trainable_parameters"] > 0) == (row["name"] in ("prompt_tuning", "lora", "full"))
        tasks = {name: set(each["accuracy"]) for name, each in row["forgetting"]["readings"].items()}
        assert tasks["written"] == {*TASKS, "mean"} > tasks["by_choice"] > {"mean"}  # one question has no other answers
    page = (smoke.folder / "reports/comparison.md").read_text()
    assert all(f"| {method} " in page for method in METHODS)


def test_what_the_soft_prompt_says_is_on_the_page(smoke):
    found = smoke.json("reports/comparison.json")["soft_prompts"]
    (run,) = runs("prompt_tuning")
    assert list(found["runs"]) == [run] and found["examples"] == 4
    reading = found["runs"][run]
    assert reading["virtual_tokens"] == len(reading["tokens"]) == 20
    assert all(row["initial"] and -1.0001 <= row["drift"] <= 1.0001 for row in reading["tokens"])
    page = (smoke.folder / "reports/comparison.md").read_text()
    section = page.partition("## What the soft prompt says")[2].partition("\n## ")[0]
    assert f"**{run}**: {reading['sentence']}" in section
    assert f"| `{'  '.join(reading['tokens'][0]['words'])}`" in section
    report = (smoke.folder / "reports/report.html").read_text()
    assert "<h2>What the soft prompt says</h2>" in report and f"Vectors of {run}" in report


def test_without_a_soft_prompt_there_is_no_stage(small):
    assert not [stage for stage in small.stages if stage.startswith("soft_prompt")]
    assert "soft_prompts" not in small.json("reports/comparison.json")
    assert "soft prompt" not in (small.folder / "reports/comparison.md").read_text()


def test_another_reading_of_the_soft_prompt_reruns_no_training(with_all_methods):
    project = with_all_methods
    changed = set(project.dvc("exp", "run", "-S", "soft_prompt.nearest=2"))
    assert changed == {"config", *(f"soft_prompt@{run}" for run in runs("prompt_tuning")), *PAGES}
    reading = project.json("reports/comparison.json")["soft_prompts"]["runs"]["prompt_tuning-17"]
    assert {len(row["words"]) for row in reading["tokens"]} == {2}


def test_ids_are_kept_from_data_to_predictions_and_splits_are_disjoint(smoke):
    def ids(name: str) -> list[str]:
        return [json.loads(line)["id"] for line in (smoke.folder / name).read_text().splitlines()]

    splits = {split: ids(f"data/records/{split}.jsonl") for split in ("train", "validation", "test")}
    assert len(set().union(*splits.values())) == sum(map(len, splits.values()))
    for method, run in zip(METHODS, runs(*METHODS)):
        assert ids(f"reports/predictions/{method}/{run}.jsonl") == splits["test"]


def test_a_second_repro_runs_nothing(project):
    assert project.dvc("repro") == []


def test_two_forced_runs_leave_the_same_hashes_but_for_run_records(small, project):
    """The second run is in processes that hash strings differently, so that no order of a set can be in a result.

    That every method trains to the same bytes is tested with each of them (tests/stages/test_train.py).
    """
    before = project.outputs(), project.json("reports/comparison.json")
    again = Project(project.folder, hash_seed=1)
    assert sorted(again.dvc("repro", "--force")) == sorted(small.stages)
    after_ = project.outputs(), project.json("reports/comparison.json")

    def results(outputs: dict[str, str]) -> dict[str, str]:  # the comparison and its page quote seconds
        timed = ("reports/runs/", "reports/comparison", "reports/report")
        return {path: md5 for path, md5 in outputs.items() if not path.startswith(timed)}

    assert results(before[0]) == results(after_[0])
    assert len(results(before[0])) > 20
    for comparison in (before[1], after_[1]):
        comparison.pop("inference")
        for row in comparison["systems"]:
            for timed in ("cost", "memory", "busy", "request_seconds"):
                row.pop(timed, None)
    assert before[1] == after_[1]


def test_a_rank_experiment_retrains_lora_alone_and_going_back_runs_nothing_again(project):
    assert set(project.dvc("exp", "run", "-S", "lora.r=16", "--name", "wide")) == {"config", *after("lora"), *PAGES}
    assert project.json("models/tuned/lora-17/adapter_config.json")["r"] == 16
    changed = project.must("dvc", "metrics", "diff", "--md")
    assert "reports/metrics/lora.json" in changed
    assert "reports/metrics/full.json" not in changed
    assert "| params.yaml | lora.r" in project.must("dvc", "params", "diff", "--md")
    assert "lora.json" in project.must("dvc", "metrics", "show", "--md")
    # The configuration before is known: DVC's run-cache has all of it but the comparison, whose files are in git.
    assert set(project.dvc("exp", "run")) <= {"config", "compare"}
    assert project.json("models/tuned/lora-17/adapter_config.json")["r"] == 6
    assert set(project.dvc("exp", "run", "-S", "lora.r=16")) <= {"config", "compare"}
    assert project.json("models/tuned/lora-17/adapter_config.json")["r"] == 16


def test_a_further_seed_trains_that_seed_alone_and_another_rank_all_seeds(project):
    of_18 = {f"{kind}@lora-18" for kind in OF_RUNS}
    ran = set(project.dvc("exp", "run", "-S", "seeds=[17,18]"))
    cards = {"model_card@lora-17", "model_card@lora-18"}  # with the scores over both
    assert ran == {"config", *of_18, *cards, "score@lora", "measure", *PAGES}
    (lora,) = [row for row in project.json("reports/comparison.json")["systems"] if row["name"] == "lora"]
    assert set(lora["by_seed"]) == {"17", "18"}
    ran = set(project.dvc("exp", "run", "-S", "seeds=[17,18]", "-S", "lora.r=4", "train"))
    assert ran == {"config", "train@lora-17", "train@lora-18"}


def test_plots_show_every_method_and_lay_two_experiments_over_each_other(with_all_methods):
    project = with_all_methods
    project.dvc("exp", "run", "-S", "lora.learning_rate=1e-3", "-S", "methods=[lora]", "--name", "slow")
    project.must("dvc", "plots", "diff", "HEAD", "slow")
    page = (project.folder / "dvc_plots/index.html").read_text()
    curves = plot_values(page, "Validation loss")
    assert {(row["rev"], row["method"]) for row in curves} == {
        *(("HEAD", method) for method in ("prompt_tuning", "lora", "full")),
        ("slow", "lora"),
    }
    loss = {(row["rev"], row["step"]): row["loss"] for row in curves if row["method"] == "lora"}
    last = max(step for _, step in loss)
    assert loss["slow", last] != loss["HEAD", last]
    assert {row["system"] for row in plot_values(page, "Score")} >= {"human", "lora", "full"}


def plot_values(page: str, title: str) -> list[dict]:
    """The rows behind one of the charts of a page of `dvc plots`."""
    specs = [json.JSONDecoder().raw_decode(page, at.end())[0] for at in re.finditer(r"var spec = ", page)]
    found = [spec for spec in specs if title in json.dumps(spec.get("title"))]
    assert len(found) == 1, [spec.get("title") for spec in specs]
    return found[0]["data"]["values"]


def test_another_template_and_other_examples_retrain_every_method_and_are_points_of_sweeps(project):
    before = project.outputs()["reports/predictions/zero_shot/zero_shot.jsonl"]
    ran = set(project.dvc("exp", "run", "-S", "template=flan"))
    expected = {"config", "template", "mix", "tokenize", *PAGES, *after("zero_shot", "lora")}
    same = {"forgetting@zero_shot"}  # its weights are still the base's
    if project.outputs()["reports/predictions/zero_shot/zero_shot.jsonl"] == before:
        same |= {"score@zero_shot"}  # so few words may come out the same, and then there is nothing to score again
    assert ran == expected - same
    ran = set(project.dvc("exp", "run", "-S", "data.limit.train=12"))
    assert ran == {"config", "prepare", "template", "mix", "tokenize", *DRAWN, *PAGES}
    page = project.must("python", "-m", "pipeline", "sweep", "template")
    assert "template, 2 experiments" in page
    assert all(f"| {name} " in page for name in ("flan", "lab"))
    page = project.must("python", "-m", "pipeline", "sweep", "training_examples")
    (one,) = project.json("reports/sweeps/training_examples.json")["series"]
    assert (one["method"], [point["value"] for point in one["points"]]) == ("lora", [12, 16])
    assert "| 12 " in page


def test_a_comment_in_lora_retrains_lora_to_the_same_bytes_and_no_further(project):
    before = project.outputs()["models/tuned/lora-17"]
    path = project.folder / "pipeline/methods/lora.py"
    path.write_text(path.read_text() + "# a comment\n")
    assert set(project.dvc("repro")) == {"code", "train@lora-17", "model_card@lora-17", *PAGES}
    assert project.outputs()["models/tuned/lora-17"] == before


@pytest.mark.parametrize(
    ("edit", "methods", "expected"),
    [
        (
            "data.limit.test=3",
            ["zero_shot"],
            {"prepare", "template", "mix", "tokenize", "baselines", "generate@zero_shot", "score@zero_shot", "measure"}
            | {"model_card@zero_shot"},
        ),
        ("tokenize.max_target_tokens=8", ["zero_shot", "lora"], {"tokenize", *DRAWN}),
        (
            "generate.max_new_tokens=6",
            ["zero_shot", "lora"],
            {*WRITTEN, *CARDS, "score@zero_shot", "score@lora", "measure"},
        ),
        (
            "score.use_stemmer=false",
            ["zero_shot", "lora"],
            {*CARDS, "baselines", "score@zero_shot", "score@lora", "validate@zero_shot", "validate@lora-17"},
        ),
        ("generate.latency.rounds=2", ["zero_shot", "lora"], {*CARDS, "measure"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_an_edit_reruns_only_what_it_can_change(project, edit, methods, expected):
    ran = set(project.dvc("exp", "run", "-S", edit, "-S", f"methods=[{','.join(methods)}]"))
    assert ran == {"config", *expected, *PAGES}


def test_an_edit_of_a_methods_section_reruns_that_method_alone(with_all_methods):
    assert set(with_all_methods.dvc("exp", "run", "-S", "few_shot.num_examples=1")) == {
        "config",
        *after("few_shot"),
        *PAGES,
    }


def test_predictions_of_another_system_become_a_row_and_rescore_nothing(project):
    copied = (project.folder / "reports/predictions/zero_shot/zero_shot.jsonl").read_bytes()
    (project.folder / "published.jsonl").write_bytes(copied)
    ran = set(project.dvc("exp", "run", "-S", "+score.external.published=published.jsonl"))
    assert ran == {"config", "external@published", *PAGES}
    rows = {row["name"]: row for row in project.json("reports/comparison.json")["systems"]}
    assert rows["published"]["kind"] == "external"
    assert rows["published"]["scores"] == rows["zero_shot"]["scores"]


def test_an_edit_of_conf_without_composing_is_refused_and_never_silently_ignored(project):
    project.edit("conf/config.yaml", "  r: 6\n", "  r: 16\n")
    done = project.run("dvc", "repro")
    assert done.returncode != 0
    assert "lora.r is 6, in conf/ 16" in done.stderr
    assert "make params" in done.stderr
    project.compose()
    assert set(project.dvc("repro")) == {"config", *after("lora"), *PAGES}


def test_going_back_in_conf_without_composing_is_refused_too(project):
    """DVC's run-cache knows that conf/; it must not answer for the check."""
    project.dvc("exp", "run", "-S", "lora.r=4", "config")
    project.edit("conf/config.yaml", "  r: 6\n", "  r: 4\n")
    project.compose()
    project.dvc("repro", "config")
    project.edit("conf/config.yaml", "  r: 4\n", "  r: 6\n")
    done = project.run("dvc", "repro", "config")
    assert done.returncode != 0
    assert "lora.r is 4, in conf/ 6" in done.stderr


def test_nonsense_is_refused_before_anything_runs_or_is_queued(project):
    """In one line; tests/experiments/test_override_validation.py has more of them."""
    for options, override, expected in (
        ([], "lora.r=abc", "lora.r: 'abc': Input should be a valid integer"),
        (["--queue"], "model=nope", "model: 'nope': no such file in conf/model; there are flan_t5_base, "),
    ):
        done = project.run("dvc", "exp", "run", *options, "-S", override)
        assert done.returncode != 0
        assert done.stdout == ""  # no stage ran
        (line,) = done.stderr.splitlines()
        assert line.startswith(f"ERROR: {expected}")
    assert project.must("git", "status", "--porcelain") == ""
    assert "Queued" not in project.must("dvc", "queue", "status")


def test_adopting_an_experiment_makes_its_values_the_defaults(project):
    project.lend_environment()
    project.dvc("exp", "run", "-S", "lora.r=16", "--name", "wide", "config")
    project.dvc("exp", "run", "-S", "generate.num_beams=2", "config")
    adopted = project.must("make", "adopt", "EXP=wide", "SHELL=/bin/bash")
    assert "conf/experiment/wide.yaml: the defaults from now on" in adopted
    assert "  - experiment: wide\n" in (project.folder / "conf/config.yaml").read_text()
    assert "lora:\n" in (project.folder / "conf/experiment/wide.yaml").read_text()
    assert project.dvc("repro", "config") == ["config"]
    project.dvc("exp", "run", "-S", "generate.num_beams=2", "config")
    assert "  r: 16\n" in (project.folder / "params.yaml").read_text()


def test_values_that_an_experiment_left_are_not_lost_silently(project):
    project.dvc("exp", "run", "-S", "lora.r=16", "config")
    warning = project.run("dvc", "exp", "run", "-S", "generate.num_beams=2", "config").stderr
    assert "lora.r goes back from 16 to 6" in warning
    assert "make adopt EXP=NAME" in warning


def test_a_worktree_runs_its_own_conf_and_code(project, tmp_path):
    project.must("git", "worktree", "add", "--quiet", str(tmp_path / "tree"))
    tree = Project(tmp_path / "tree")
    tree.must("dvc", "cache", "dir", "--local", str(project.folder / ".dvc/cache"))
    tree.edit("pipeline/experiments/configuration.py", '"methods: empty;', '"methods: none at all;')
    done = tree.run("dvc", "exp", "run", "-S", "methods=[]")
    assert done.stderr.startswith("ERROR: methods: none at all;")
    assert set(tree.dvc("exp", "run", "-S", "lora.r=4", "train@lora-17")) == {"config", "code", "train@lora-17"}
    assert tree.json("models/tuned/lora-17/adapter_config.json")["r"] == 4
    assert "r: 4" not in (project.folder / "params.yaml").read_text()


def test_a_model_from_the_hub_runs_by_its_name_and_offline_from_then_on(project, tmp_path):
    model = ROOT / "models/tiny_t5"
    project.environment |= {"HF_HOME": str(tmp_path / "hf"), "HF_HUB_OFFLINE": "0"}
    chosen = ["model=flan_t5_base", f"model.hub.revision={hub.COMMIT}", "train.precision=fp32", "methods=[zero_shot]"]
    overrides = [word for value in chosen for word in ("-S", value)]
    with hub.serve(models={"google/flan-t5-base": model}) as endpoint:
        project.environment["HF_ENDPOINT"] = endpoint
        ran = project.dvc("exp", "run", *overrides)
    assert set(ran) == {
        "config",
        "download_model",
        "convert",
        "measure",
        "model_card@zero_shot",
        *PAGES,
    }  # the same weights as before, so no more
    assert project.json("models/raw/source.json") == {"repo_id": "google/flan-t5-base", "commit": hub.COMMIT}
    ran = project.dvc("exp", "run", *overrides, "-S", "generate.max_new_tokens=2")  # the hub is gone
    changed = {"validate@zero_shot", "generate@zero_shot", "score@zero_shot", "measure", "model_card@zero_shot"}
    assert set(ran) == {"config", *changed, *PAGES}
