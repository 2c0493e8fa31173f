"""A folder with everything that a finished pipeline has left of five runs on a tiny model."""

import contextlib
import io
import re
import shutil
from pathlib import Path

import pytest
import yaml

from pipeline import generate, model_card, score, template
from pipeline.core import files
from pipeline.core.paths import SPLITS, Paths
from pipeline.core.runs import parse_run
from pipeline.inference.settings import current
from pipeline.models.tuned import DEMONSTRATIONS, save_tuned
from pipeline.parameters.data import Data
from tests import tiny
from tests.systems import RECORDS, SUMMARIES, TRAINED, UNTRAINED, WHOLE_MODEL, settings

RUNS = {"zero_shot": UNTRAINED, "few_shot-1": UNTRAINED, "full-1": WHOLE_MODEL}
RUNS |= {"lora-1": TRAINED, "prompt_tuning-1": TRAINED}
GENERATE = {"max_new_tokens": 6, "batch_size": 3, "num_beams": 2, "no_repeat_ngram_size": 0}


@pytest.fixture(params=["seq2seq", "causal"], scope="module")
def architecture(request) -> str:
    return request.param


@pytest.fixture(scope="module")
def finished(tmp_path_factory, architecture, request) -> Path:
    """The folder, made once for a file and each architecture; tests get copies of it."""
    folder = tmp_path_factory.mktemp("finished") / "a project"
    folder.mkdir()
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        make(request.getfixturevalue(f"{architecture}_base"), architecture)
    return folder


@pytest.fixture
def project(finished, tmp_path, monkeypatch) -> Paths:
    """A copy of the finished folder, which is the current one."""
    shutil.copytree(finished, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return Paths()


def make(base: Path, architecture: str) -> None:
    paths = Paths()
    values = yaml.safe_load((tiny.ROOT / "params.yaml").read_text())
    values["seeds"] = [1]
    values["methods"] = [parse_run(run)[0] for run in RUNS]
    values["seeds_of"] = {method: [] if method == "zero_shot" else [1] for method in values["methods"]}
    values["model"] |= {"architecture": architecture, "chat": False, "path": "models/mine"}
    values["generate"] |= GENERATE
    values["score"] |= {"resamples": 200}
    Path("params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    for folder in (paths.base_model, Path("models/mine")):
        shutil.copytree(base, folder)
    for raw in (paths.raw_data, paths.raw_model):
        files.write_json(raw / "source.json", {"files": "read where they are"})
    tiny.write_limits(paths)
    for split in SPLITS:
        files.write_jsonl(paths.records(split), RECORDS[:8])
    model, phrasing = tiny.model_params(architecture), tiny.template_params()
    template.run(paths, seed=values["seed"], task=SUMMARIES, template=phrasing, model=model)
    files.write_jsonl(paths.tuned_model("zero_shot") / DEMONSTRATIONS, [])
    files.write_jsonl(paths.tuned_model("few_shot-1") / DEMONSTRATIONS, files.read_jsonl(paths.prompts("train"))[6:])
    for method in ("lora", "prompt_tuning", "full"):
        save_tuned(tiny.adapted(method, base, architecture), paths.tuned_model(f"{method}-1"))
    for run, record in RUNS.items():
        method, seed = parse_run(run)
        files.write_json(paths.training_run(run), {"method": method, "seed": seed} | record)
        generate.run(run, paths, model=model, template=phrasing, generate=tiny.generate_params(**GENERATE))
        score.run(method, paths, seeds_of=values["seeds_of"], task=SUMMARIES, score=settings())


def write_card(paths: Paths, run: str, **changes) -> Path:
    """The model card of a run; changes: of `data`."""
    now = current(paths)
    model_card.run(
        run,
        paths,
        seed=now.seed,
        task=now.task,
        template=now.template,
        data=tiny.section("data", Data, **changes),
        model=now.model,
        generate=now.generate,
        score=settings(),
    )
    return paths.model_card(run)


def expected(paths: Paths, run: str) -> list[str]:
    """The texts that `generate` wrote."""
    return [row["prediction"] for row in files.read_jsonl(paths.predictions(run))]


def blocks(card: Path) -> list[str]:
    """The Python of a README.md: what loads, and what answers a prompt."""
    return re.findall(r"```python\n(.*?)```", (card / "README.md").read_text(encoding="utf-8"), flags=re.DOTALL)


def answers_of_card(card: Path, prompts: list[str]) -> list[str]:
    """What the lines of a card print for each prompt, exactly as they are written."""
    load, answer = blocks(card)
    assert len([line for line in load.splitlines() if " = " in line]) == 3
    names: dict[str, object] = {}
    exec(load, names)
    texts = []
    for prompt in prompts:
        with contextlib.redirect_stdout(io.StringIO()) as printed:
            exec(answer, names | {"prompt": prompt})
        texts.append(printed.getvalue().strip())
    return texts
