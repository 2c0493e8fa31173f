"""Every file that a stage reads of another one, missing or damaged: one line that names it and what makes it anew."""

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from pipeline import (
    baselines,
    benchmark,
    benchmark_data,
    compare,
    external,
    forgetting,
    further_task,
    generate,
    judge,
    measure,
    mix,
    model_card,
    perturb,
    prepare,
    report,
    robustness,
    score,
    soft_prompt,
    template,
    tokenize,
    train,
    validate,
)
from pipeline.core import files, outputs
from pipeline.core.errors import InputError
from pipeline.core.params import read_section
from pipeline.core.paths import SPLITS, Paths
from pipeline.core.runs import run_names
from pipeline.evaluation import loss_curves
from pipeline.parameters.benchmark import Benchmark
from pipeline.parameters.data import Data
from pipeline.parameters.forgetting import Forgetting
from pipeline.parameters.metrics import Metrics
from pipeline.parameters.mixture import Mixture
from pipeline.parameters.model import Model
from pipeline.parameters.runs import Run
from pipeline.parameters.soft_prompt import SoftPrompt
from pipeline.parameters.tokenize import Tokenize
from pipeline.parameters.validate import Validate
from tests import tiny
from tests.systems import SUMMARIES, settings

SEEDS_OF = {"zero_shot": [], "few_shot": [1], "prompt_tuning": [1], "lora": [1], "full": [1]}
METHODS = tuple(SEEDS_OF)
METRICS = tiny.section("metrics", Metrics, perturbations={"speakers": {}}, judges={"base_likelihood": {}})
P = Paths()
RECORDS = [
    {
        "id": str(number),
        "dialogue": f"A: Is it {number}?\nB: It is {number + 1}.",
        "references": [f"It is {number + 1}."],
    }
    for number in range(12)
]


def run_prepare() -> None:
    named = {split: f"data/support_calls/{split}.jsonl" for split in SPLITS}
    prepare.run(P, seed=1, task=SUMMARIES, data=tiny.section("data", Data, **named), score=settings())


def run_template(chat: bool = False) -> None:
    template.run(
        P, seed=1, task=SUMMARIES, template=tiny.template_params(), model=tiny.model_params("causal", chat=chat)
    )


def mixture() -> Mixture:
    task = {
        "data": str(P.support_calls("rehearsal")),
        "hub": None,
        "where": {},
        "fields": {"text": "text"},
        "source": "text",
        "target": "answer",
        "prompts": ["How many? {{ text }}"],
        "cap": None,
    }
    return tiny.section("mixture", Mixture, share=0.25, tasks={"counting": task})


def run_further_task(name: str) -> None:
    further_task.run(name, P, mixture=mixture(), data=tiny.section("data", Data))


def run_mix() -> None:
    mix.run(
        P,
        seed=1,
        mixture=mixture(),
        task=SUMMARIES,
        template=tiny.template_params(),
        model=tiny.model_params("causal"),
        data=tiny.section("data", Data),
        forgetting=tiny.section("forgetting", Forgetting),
    )


def benchmark_of_questions() -> Benchmark:
    task = {
        "stock": None,
        "settings": {"output_type": "generate_until", "doc_to_text": "{{ prompt }}", "doc_to_target": "{{ answer }}"}
        | {"metric_list": [{"metric": "exact_match"}], "generation_kwargs": {"until": [], "max_gen_toks": 2}},
        "data": str(P.support_calls("questions")),
        "where": {},
        "hub": None,
    }
    return tiny.section("benchmark", Benchmark, tasks={"count": task})


def run_benchmark_data(name: str) -> None:
    benchmark_data.run(name, P, benchmark=benchmark_of_questions(), data=tiny.section("data", Data))


def run_benchmark(run: str) -> None:
    model, template = tiny.model_params("causal"), tiny.template_params()
    benchmark.run(run, P, model=model, template=template, benchmark=benchmark_of_questions())


def run_tokenize() -> None:
    tokenize.run(
        P,
        tokenize=tiny.section("tokenize", Tokenize),
        model=tiny.model_params("causal"),
        template=tiny.template_params(),
    )


def run_train(run: str) -> None:
    train.run(run, P, model=tiny.model_params("causal"), train=tiny.train_params(num_evaluations=1))


def run_generate(run: str) -> None:
    model, template = tiny.model_params("causal"), tiny.template_params()
    generate.run(run, P, model=model, template=template, generate=tiny.generate_params(max_new_tokens=4))


def run_validate(run: str) -> None:
    model, template = tiny.model_params("causal"), tiny.template_params()
    validate.run(
        run,
        P,
        task=SUMMARIES,
        model=model,
        template=template,
        generate=tiny.generate_params(max_new_tokens=4),
        validate=tiny.section("validate", Validate),
        score=settings(),
    )


def run_forgetting(run: str) -> None:
    asked = tiny.section("forgetting", Forgetting, max_new_tokens=4)
    model, template = tiny.model_params("causal"), tiny.template_params()
    forgetting.run(run, P, model=model, template=template, forgetting=asked)


def run_perturb(name: str) -> None:
    model, template = tiny.model_params("causal"), tiny.template_params()
    perturb.run(name, P, seed=1, task=SUMMARIES, template=template, model=model, score=settings(), metrics=METRICS)


def run_robustness(run: str) -> None:
    robustness.run(
        run,
        P,
        task=SUMMARIES,
        model=tiny.model_params("causal"),
        template=tiny.template_params(),
        generate=tiny.generate_params(max_new_tokens=4),
        score=settings(),
        metrics=METRICS,
    )


def run_judge(name: str) -> None:
    judge.run(
        name,
        P,
        seeds_of=SEEDS_OF,
        task=SUMMARIES,
        model=tiny.model_params("causal"),
        template=tiny.template_params(),
        generate=tiny.generate_params(max_new_tokens=4),
        score=settings(),
    )


def run_soft_prompt(run: str) -> None:
    asked = tiny.section("soft_prompt", SoftPrompt, listed=2)
    soft_prompt.run(run, P, model=tiny.model_params("causal"), soft_prompt=asked)


def run_measure() -> None:
    latency = {"prompts": 1, "batch_size": 2, "new_tokens": 2, "rounds": 1}
    model, template = tiny.model_params("causal"), tiny.template_params()
    asked = tiny.generate_params(max_new_tokens=4, latency=latency)
    measure.run(P, methods=list(METHODS), seeds_of=SEEDS_OF, model=model, template=template, generate=asked)


def run_model_card(run: str) -> None:
    model_card.run(
        run,
        P,
        seed=1,
        task=SUMMARIES,
        template=tiny.template_params(),
        data=tiny.section("data", Data),
        model=tiny.model_params("causal"),
        generate=tiny.generate_params(max_new_tokens=4),
        score=settings(),
    )


def run_score(method: str) -> None:
    score.run(method, P, seeds_of=SEEDS_OF, task=SUMMARIES, score=settings())


def run_external() -> None:
    external.run("published", P, task=SUMMARIES, score=settings(external={"published": "published.jsonl"}))


def run_baselines() -> None:
    baselines.run(P, task=SUMMARIES, score=settings())


def run_compare() -> None:
    compare.run(
        P,
        methods=list(METHODS),
        seeds_of=SEEDS_OF,
        soft_prompt_runs={"prompt_tuning-1": Run(method="prompt_tuning", seed=1)},
        benchmark=benchmark_of_questions(),
        metrics=METRICS,
        score=settings(),
    )


def run_report() -> None:
    report.run(
        P, seeds_of=SEEDS_OF, task=SUMMARIES, data=read_section("data", Data), model=tiny.section("model", Model)
    )


@pytest.fixture(scope="module")
def whole(tmp_path_factory, causal_base) -> Path:
    """A folder in which every stage has run, on a tiny model."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        write_inputs(causal_base)
        run_prepare()
        run_template()
        run_further_task("counting")
        run_mix()
        run_tokenize()
        run_benchmark_data("count")
        for method in METHODS:
            (run,) = run_names(method, SEEDS_OF[method])
            run_train(run)
            run_validate(run)
            run_generate(run)
            run_forgetting(run)
            run_benchmark(run)
            run_score(method)
            run_model_card(run)
        run_soft_prompt("prompt_tuning-1")
        run_perturb("speakers")
        for method in METHODS:
            run_robustness(*run_names(method, SEEDS_OF[method]))
        run_judge("base_likelihood")
        run_baselines()
        run_measure()
        run_compare()
        run_report()
    return folder


def write_inputs(base: Path) -> None:
    values = yaml.safe_load((tiny.ROOT / "params.yaml").read_text())
    values |= {
        method: values[method] | {"num_train_epochs": 1} for method in METHODS if "num_train_epochs" in values[method]
    }
    Path("params.yaml").write_text(yaml.safe_dump(values))
    shutil.copytree(base, P.base_model)
    for raw in (P.raw_data, P.raw_model):
        files.write_json(raw / "source.json", {"files": "read where they are"})
    rows = [record | {"summary": record["references"][0]} for record in RECORDS]
    for split, chosen in (("train", rows[:6]), ("validation", rows[6:8]), ("test", rows[8:])):
        files.write_jsonl(P.support_calls(split), chosen)
    questions = [{"id": str(n), "task": "count", "prompt": f"Say {n}.", "answer": str(n)} for n in range(3)]
    files.write_jsonl(P.support_calls("questions"), questions)
    further = [{"text": f"There were {n} birds above the old mill today.", "answer": str(n)} for n in range(9)]
    files.write_jsonl(P.support_calls("rehearsal"), further)
    files.write_jsonl(P.support_calls("text"), [{"text": "A: Hello, and good day.\nB: Good morning."}] * 2)


def name(item: object) -> str:
    return item.as_posix() if isinstance(item, Path) else getattr(item, "__name__", str(item)).removeprefix("run_")


WEIGHTS, TOKENIZER, CONFIG = "model.safetensors", "tokenizer.json", "config.json"
READ: list[tuple[Callable, str, list[Path]]] = [
    (run_prepare, "", [P.raw_data / "source.json", *map(P.support_calls, SPLITS)]),
    (run_template, "", [P.records(split) for split in SPLITS]),
    (run_further_task, "counting", [P.support_calls("rehearsal")]),
    (
        run_mix,
        "",
        [
            P.prompts("train"),
            P.further_records("counting"),
            *(P.records(split) for split in ("validation", "test")),
            P.support_calls("questions"),
        ],
    ),
    (run_tokenize, "", [P.mixed_prompts, *map(P.prompts, ("validation", "test")), P.base_model / TOKENIZER]),
    (run_train, "few_shot-1", [P.prompts("train"), P.base_model / WEIGHTS]),
    (
        run_train,
        "lora-1",
        [
            *(P.tokens(split) for split in ("train", "validation")),
            *(P.base_model / file for file in (CONFIG, WEIGHTS, TOKENIZER)),
        ],
    ),
    (run_generate, "few_shot-1", [P.limits, P.prompts("test"), P.tuned_model("few_shot-1") / "demonstrations.jsonl"]),
    (
        run_generate,
        "lora-1",
        [
            *(P.base_model / file for file in (CONFIG, WEIGHTS, TOKENIZER)),
            *(P.tuned_model("lora-1") / file for file in ("adapter_config.json", "adapter_model.safetensors")),
        ],
    ),
    (run_generate, "full-1", [P.tuned_model("full-1") / file for file in (CONFIG, WEIGHTS, TOKENIZER)]),
    (
        run_forgetting,
        "lora-1",
        [
            *(P.support_calls(file) for file in ("questions", "text")),
            *(P.limits, P.base_model / WEIGHTS, P.tuned_model("lora-1") / "adapter_model.safetensors"),
        ],
    ),
    (run_validate, "lora-1", [P.limits, P.prompts("validation"), P.records("validation")]),
    (
        run_measure,
        "",
        [
            *(P.limits, P.prompts("test"), P.base_model / CONFIG, P.base_model / WEIGHTS),
            *(P.tuned_model("lora-1") / "adapter_model.safetensors", P.tuned_model("full-1") / WEIGHTS),
            P.tuned_model("few_shot-1") / "demonstrations.jsonl",
        ],
    ),
    (
        run_model_card,
        "lora-1",
        [
            *(P.limits, P.training_run("lora-1"), P.scores("lora"), P.raw_model / "source.json"),
            *(P.base_model / file for file in (CONFIG, WEIGHTS, TOKENIZER)),
        ],
    ),
    (run_model_card, "full-1", [P.tuned_model("full-1") / file for file in (CONFIG, WEIGHTS, TOKENIZER)]),
    (run_score, "lora", [P.records("test"), P.predictions("lora-1")]),
    (run_benchmark_data, "count", [P.support_calls("questions")]),
    (
        run_benchmark,
        "lora-1",
        [
            P.benchmark_items("none", "count") / "test.parquet",
            *(P.base_model / file for file in (CONFIG, WEIGHTS, TOKENIZER)),
            *(P.tuned_model("lora-1") / file for file in ("adapter_config.json", "adapter_model.safetensors")),
        ],
    ),
    (
        run_soft_prompt,
        "prompt_tuning-1",
        [
            P.tokens("validation"),
            *(P.base_model / file for file in (CONFIG, WEIGHTS, TOKENIZER)),
            *(P.tuned_model("prompt_tuning-1") / file for file in ("adapter_config.json", "adapter_model.safetensors")),
        ],
    ),
    (run_perturb, "speakers", [P.records("test")]),
    (
        run_robustness,
        "lora-1",
        [
            *(P.perturbed("speakers") / f"{file}.jsonl" for file in ("records", "prompts")),
            *(P.limits, P.base_model / WEIGHTS, P.tuned_model("lora-1") / "adapter_model.safetensors"),
        ],
    ),
    (
        run_judge,
        "base_likelihood",
        [
            *(P.records("test"), P.prompts("test"), P.example_scores("lora"), P.limits),
            *(P.base_model / file for file in (CONFIG, WEIGHTS, TOKENIZER)),
        ],
    ),
    (run_baselines, "", [P.records("test")]),
    (
        run_compare,
        "",
        [
            *(place("lora") for place in (P.scores, P.example_scores)),
            *(place("lora-1") for place in (P.training_run, P.generation_run, P.answers, P.forgetting)),
            P.forgetting_run("lora-1"),
            P.inference_run,
            P.mixture_card,
            P.benchmark_run("lora-1"),
            P.benchmark_scores("lora-1"),
            P.robustness("lora-1"),
            P.soft_prompt_run("prompt_tuning-1"),
            P.soft_prompt_tokens("prompt_tuning-1"),
            P.judged("base_likelihood"),
            P.baselines / "lead.json",
        ],
    ),
    (
        run_report,
        "",
        [
            P.comparison,
            P.records("test"),
            P.example_scores("lora"),
            *(P.curves("lora-1") / file for file in loss_curves.FILES.values()),
        ],
    ),
]
WITH_MODEL = (
    run_train,
    run_validate,
    run_generate,
    run_forgetting,
    run_benchmark,
    run_model_card,
    run_robustness,
    run_soft_prompt,
    run_judge,
    run_measure,
)
CASES = [
    pytest.param(
        *(run, method, path),
        id="-".join(filter(None, map(name, (run, method, path)))),
        marks=[pytest.mark.slow] if run in WITH_MODEL else [],
    )
    for run, method, paths in READ
    for path in paths
]


def cut(path: Path) -> None:
    """A half of a file, which does not end with a line."""
    content = path.read_bytes()
    half = content[: len(content) // 2]
    path.write_bytes(half + b"#" if half.endswith(b"\n") or content[len(half) :].startswith(b"\n") else half)


def without_tensors(path: Path) -> None:
    """A safetensors file that is valid and holds nothing."""
    path.write_bytes((2).to_bytes(8, "little") + b"{}")


ATTACKS: dict[str, Callable[[Path], object]] = {
    "missing": lambda path: path.unlink(),
    "without its folder": lambda path: path.parent.rename(path.parent.with_name("elsewhere")),
    "a folder": lambda path: (path.unlink(), path.mkdir()),
    "empty": lambda path: path.write_bytes(b""),
    "cut in half": cut,
    "a list": lambda path: path.write_text("[]\n"),
    "an object": lambda path: path.write_text("{}\n"),
    "another table": lambda path: files.write_parquet(path, [{"other": 1}]),
    "without tensors": without_tensors,
    "noise": lambda path: path.write_bytes(os.urandom(500)),
}
# A file that need not be there: a training was too short for the first line of its curve.
OPTIONAL = {P.curves("lora-1") / loss_curves.FILES["training"]}
# zero_shot leaves the same file without a row, and `generate` does not know which method has examples.
HARMLESS = {("empty", P.tuned_model("few_shot-1") / "demonstrations.jsonl")}


def damage(whole: Path, path: Path, attack: str, models: bool) -> None:
    """A copy of the whole folder, which is the current one, with one file damaged."""
    shutil.copytree(whole, ".", dirs_exist_ok=True, ignore=None if models else shutil.ignore_patterns("models"))
    ATTACKS[attack](path)


@pytest.mark.parametrize(("run", "method", "path"), CASES)
def test_a_damaged_file_is_refused_with_what_makes_it_anew(whole, tmp_path, monkeypatch, run, method, path):
    for attack in ATTACKS:
        if (attack, path) in HARMLESS or (path in OPTIONAL and attack in ("missing", "without its folder")):
            continue
        (tmp_path / attack).mkdir()
        monkeypatch.chdir(tmp_path / attack)
        damage(whole, path, attack, models=run in (*WITH_MODEL, run_tokenize))
        with pytest.raises(InputError) as refusal:
            run(*filter(None, [method]))
        message = str(refusal.value)
        print(f"{attack}: {message}")
        folder = path.parent.as_posix()
        named = folder if attack == "without its folder" else (path.as_posix(), f"{folder}: ")
        assert message.startswith(named), attack
        assert re.search(r"`dvc repro [^`]+`", message), attack
        assert "\n" not in message and len(message) < 500


@pytest.mark.parametrize(
    ("path", "stage"),
    [
        (P.raw_data / "source.json", "download"),
        (P.support_calls("train"), "support_calls"),
        (P.records("test"), "prepare"),
        (P.base_model / CONFIG, "convert"),
        (P.prompts("train"), "template"),
        (P.further_records("counting"), "further_task@counting"),
        (P.mixed_prompts, "mix"),
        (P.mixture_card, "mix"),
        (P.benchmark_items("none", "count") / "test.parquet", "benchmark_data@count"),
        (P.benchmark_scores("lora-1"), "benchmark@lora-1"),
        (P.perturbed("speakers") / "prompts.jsonl", "perturb@speakers"),
        (P.robustness("lora-1"), "robustness@lora-1"),
        (P.soft_prompt_tokens("prompt_tuning-1"), "soft_prompt@prompt_tuning-1"),
        (P.judged("similarity"), "judge@similarity"),
        (P.tokens("train"), "tokenize"),
        (P.tuned_model("lora-1") / "adapter_config.json", "train@lora-1"),
        (P.training_run("full-1"), "train@full-1"),
        (P.curves("full-1") / "metrics.json", "train@full-1"),
        (P.predictions("lora-1"), "generate@lora-1"),
        (P.answers("lora-1"), "forgetting@lora-1"),
        (P.forgetting_run("lora-1"), "forgetting@lora-1"),
        (P.inference_run, "measure"),
        (P.scores("lora"), "score@lora"),
        (P.metrics("lora"), "score@lora"),
        (P.example_scores("published"), "external@published"),
        (P.baselines / "lead.json", "baselines"),
        (P.comparison, "compare"),
        (Path("/elsewhere/reports/comparison.json"), "compare"),
        (Path("mine.jsonl"), None),
        (Path("models/mine/config.json"), None),
        (P.checkpoints / "lora-0/step-1", None),
    ],
)
def test_the_stage_that_writes_a_file_is_known(path, stage):
    assert outputs.writer(path) == stage


def test_every_output_of_a_stage_is_known():
    stages = yaml.safe_load((tiny.ROOT / "dvc.yaml").read_text())["stages"]
    for stage, definition in stages.items():
        listed = definition.get("do", definition)
        for output in [*listed.get("outs", []), *listed.get("metrics", [])]:
            place = next(iter(output)) if isinstance(output, dict) else output
            item = "published" if stage == "external" else "lora"
            found = outputs.writer(Path(re.sub(r"\$\{.+?\}", item, place)))
            assert found == (f"{stage}@{item}" if "${" in place else stage)


def test_a_users_file_is_not_taken_for_a_stages(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mine.jsonl").write_text("{")
    (tmp_path / "data/records").mkdir(parents=True)
    (tmp_path / "data/records/train.jsonl").write_text("{")
    for path in (Path("mine.jsonl"), tmp_path / "data/records/train.jsonl"):
        named = dict.fromkeys(SPLITS, str(path))
        files.write_json(P.raw_data / "source.json", {"files": "read where they are"})
        with pytest.raises(InputError, match="not JSON") as refusal:
            prepare.run(P, seed=1, task=SUMMARIES, data=tiny.section("data", Data, **named), score=settings())
        assert "dvc" not in str(refusal.value)
