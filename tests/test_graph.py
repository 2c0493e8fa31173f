"""The graph of dvc.yaml against the code: the best single guard of a DVC and Hydra project."""

import ast
import hashlib
import inspect
from importlib import import_module
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo

from pipeline import config, methods
from pipeline.core.params import read_params

ROOT = Path(__file__).parent.parent


def stages() -> dict:
    with Repo(str(ROOT)) as repo:
        return {found.name: found for found in repo.index.stages}


STAGES = stages()
PACKAGES = ("pipeline", "support", "pretraining")


def closure(module: str, found: set[str]) -> set[str]:
    """The files of this package that a module imports, at any depth and in any function."""
    path = ROOT / (module.replace(".", "/") + ".py")
    if not path.exists():
        path = ROOT / module.replace(".", "/") / "__init__.py"
    name = path.relative_to(ROOT).as_posix()
    if name in found:
        return found
    found.add(name)
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in PACKAGES:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                is_module = (ROOT / inner.replace(".", "/")).with_suffix(".py").exists()
                is_package = (ROOT / inner.replace(".", "/")).is_dir()
                closure(inner if is_module or is_package else node.module, found)
        elif isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in PACKAGES:
                    closure(alias.name, found)
    return found - {f"{package}/__init__.py" for package in PACKAGES}


def module_of(name: str) -> str:
    return STAGES[name].cmd.split()[2]


def paths(name: str) -> set[str]:
    return {dep.def_path for dep in STAGES[name].deps}


# `config` only looks at values: another stage's code can't make its answer wrong, for each stage checks its own.
@pytest.mark.parametrize("name", sorted(set(STAGES) - {"config"}))
def test_a_stage_depends_on_exactly_the_code_it_imports(name):
    code = {path for path in paths(name) if path.endswith(".py")}
    imported = closure(module_of(name), set())
    if name.startswith("train@"):
        imported.add(f"pipeline/methods/{name.partition('@')[2]}.py")
    assert code == imported


@pytest.mark.parametrize("name", sorted(set(STAGES) - {"config", "pretrain"}))  # that one has a recipe of its own
def test_a_stage_depends_on_exactly_the_parameters_it_reads(name):
    tracked = {key.partition(".")[0] for dep in STAGES[name].params for key in dep.params}
    run = import_module(module_of(name)).run
    arguments = inspect.signature(run).parameters.values()
    read = {one.name for one in arguments if one.kind is one.KEYWORD_ONLY and one.default is one.empty}
    if name.startswith("train@"):
        read.add(name.partition("@")[2])
    if module_of(name) == "pipeline.download":  # each of its two stages reads its own half
        read = {"data"} if name == "download" else {"model"}
    assert tracked == read


@pytest.mark.parametrize("name", sorted(STAGES))
def test_every_path_of_a_command_is_a_dependency_or_an_output(name):
    known = paths(name) | {out.def_path for out in STAGES[name].outs}
    for word in STAGES[name].cmd.split()[3:]:
        if "/" in word:
            assert any(path == word or path.startswith(f"{word}/") or word.startswith(f"{path}/") for path in known)


def test_every_stage_says_what_it_is_for():
    assert all(found.desc for found in STAGES.values())


def test_every_default_method_is_trained_generated_and_scored():
    chosen = read_params(ROOT / "params.yaml")["methods"]
    expected = {f"{kind}@{method}" for kind in ("train", "generate", "score", "retain") for method in chosen}
    assert expected == {name for name in STAGES if "@" in name}
    assert set(chosen) <= set(methods.names())


def test_params_yaml_is_what_conf_composes_to(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    config.compose(tmp_path / "params.yaml")
    assert (tmp_path / "params.yaml").read_text() == (ROOT / "params.yaml").read_text()


def test_the_bundled_base_is_frozen_and_is_what_pretraining_left():
    pretrain = STAGES["pretrain"]
    assert pretrain.frozen
    lock = yaml.safe_load((ROOT / "dvc.lock").read_text())["stages"]["pretrain"]
    for out in lock["outs"]:
        assert hashlib.md5((ROOT / out["path"]).read_bytes()).hexdigest() == out["md5"], out["path"]
    assert {out["path"] for out in lock["outs"]} == {out.def_path for out in pretrain.outs}
    assert (ROOT / "models/tiny_t5/model.safetensors").stat().st_size < 16 * 2**20


def test_the_pipeline_never_imports_what_made_the_base():
    for name in set(STAGES) - {"pretrain"}:
        assert not any(path.startswith("pretraining/") for path in closure(module_of(name), set()))
