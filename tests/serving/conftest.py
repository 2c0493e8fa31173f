"""A served project of a tiny base with random weights: methods whose values were moved as if trained."""

import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest
import uvicorn
import yaml

from pipeline import template
from pipeline.core import files, templates
from pipeline.core.paths import SPLITS, Paths
from pipeline.inference.predictor import Predictor
from pipeline.inference.settings import current
from pipeline.models.tuned import DEMONSTRATIONS, save_tuned
from pipeline.serving.api import make_app
from pipeline.serving.engine import Engine
from pipeline.serving.registry import Registry
from pipeline.serving.shared_base import SharedBase
from pipeline.serving.sources import Sources
from tests import tiny
from tests.systems import RECORDS, SUMMARIES

SEEDS_OF = {
    "zero_shot": [],
    "few_shot": [1],
    "prompt_tuning": [1],
    "lora": [1, 2],
    "full": [1],
    "prefix_tuning": [1],
    "ia3": [1],
}


def make_project(folder: Path, base: Path, architecture: str, beams: int = 2) -> Paths:
    """A folder with params.yaml, a base, prompts and what every method left."""
    paths = Paths(folder)
    values = yaml.safe_load((tiny.ROOT / "params.yaml").read_text())
    values |= {"methods": list(SEEDS_OF), "seeds_of": SEEDS_OF}
    values["model"] |= {"architecture": architecture, "chat": False}
    values["generate"] |= {"max_new_tokens": 8, "batch_size": 4, "num_beams": beams}
    (folder / "params.yaml").write_text(yaml.safe_dump(values, sort_keys=False))
    paths.base_model.parent.mkdir()
    paths.base_model.symlink_to(base)
    tiny.write_limits(paths)
    for split in SPLITS:
        files.write_jsonl(paths.records(split), RECORDS)
    model, phrasing = tiny.model_params(architecture), tiny.template_params()
    template.run(paths, seed=values["seed"], task=SUMMARIES, template=phrasing, model=model)
    files.write_jsonl(paths.tuned_model("zero_shot") / DEMONSTRATIONS, [])
    files.write_jsonl(paths.tuned_model("few_shot-1") / DEMONSTRATIONS, files.read_jsonl(paths.prompts("train"))[3:5])
    for method in ("prompt_tuning", "lora", "full", "prefix_tuning", "ia3"):
        save_tuned(tiny.adapted(method, base, architecture), paths.tuned_model(f"{method}-1"))
    save_tuned(tiny.adapted("lora", base, architecture, r=2), paths.tuned_model("lora-2"))
    return paths


@pytest.fixture(scope="session")
def projects(tmp_path_factory, request) -> Callable[[str], Path]:
    """The folder of an architecture's project, made once."""
    templates.fill("", {})  # its process is forked before there is a browser, or it would keep the browser's pipes open

    @cache
    def made(architecture: str) -> Path:
        folder = tmp_path_factory.mktemp(architecture)
        make_project(folder, request.getfixturevalue(f"{architecture}_base"), architecture)
        return folder

    return made


@pytest.fixture
def project(tmp_path, projects, architecture, monkeypatch) -> Paths:
    """A copy of the project of an architecture, which is the current folder."""
    shutil.copytree(projects(architecture), tmp_path, symlinks=True, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    return Paths()


@pytest.fixture
def registry(project) -> Registry:
    base = SharedBase(project.base_model, current(project).model.architecture)
    return Registry(Sources(project, None, None), base, project.base_model)


def expected(paths: Paths, run: str, rows: list[dict[str, Any]]) -> list[str]:
    """What `generate` writes for these records by a run."""
    return Predictor(current(paths), paths.base_model, paths.tuned_model(run)).write(rows, run)


@dataclass
class Served:
    """A server in a thread. Its engine, its address, and what asks it."""

    paths: Paths
    registry: Registry
    engine: Engine
    address: str
    stop: Callable[[], None]

    @property
    def api(self) -> openai.OpenAI:
        return openai.OpenAI(base_url=f"{self.address}/v1", api_key="none", max_retries=0)

    def post(self, body: Any, path: str = "/v1/completions", **more: Any) -> httpx.Response:
        return httpx.post(f"{self.address}{path}", json=body, timeout=60, **more)

    def ask(self, model: str, row: dict[str, Any], **more: Any) -> str:
        body = {"model": model, "prompt": row["dialogue"], "input_id": row["id"], "shorten": True, **more}
        return str(self.post(body).raise_for_status().json()["choices"][0]["text"])


def serve(paths: Paths, folder: Path | None = None, engine: dict[str, Any] | None = None, **options: Any) -> Served:
    base = SharedBase(paths.base_model, current(paths).model.architecture)
    made = Engine(base, **engine or {})
    registry = Registry(Sources(paths, None, folder), base, paths.base_model)
    server = uvicorn.Server(uvicorn.Config(make_app(registry, made, **options), port=0, log_config=None))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]

    def stop() -> None:
        server.should_exit = True
        thread.join(60)

    return Served(paths, registry, made, f"http://127.0.0.1:{port}", stop)


@pytest.fixture
def server(project):
    """`serve` for this project, each server stopped at the end of the test."""
    started: list[Served] = []

    def start(**options: Any) -> Served:
        started.append(partial(serve, project)(**options))
        return started[-1]

    yield start
    for one in started:
        one.stop()
