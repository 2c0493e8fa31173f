"""dvc.yaml against the code, and the order of the folders: what keeps the project's structure true."""

import ast
import fnmatch
import hashlib
import inspect
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from dvc.repo import Repo

from pipeline import methods
from pipeline.commands import graph
from pipeline.core import code_lists
from pipeline.core.imports import PACKAGES, REGISTRIES, closure, imports
from pipeline.core.params import PARAMS, read_params
from pipeline.core.paths import Paths
from pipeline.experiments import configuration

# The folders that the modules of a folder may import from. "" is the stages, which are on top.
MAY_IMPORT: dict[str, set[str]] = {
    "core": set(),
    "tables": {"core"},
    "parameters": {"core"},
    "evaluation": {"core", "tables", "parameters"},
    "reporting": {"core", "parameters", "evaluation"},
    "models": {"core", "parameters"},
    "methods": {"core", "parameters", "models"},
    "mixing": {"core", "parameters", "evaluation"},
    "benchmarking": {"core", "parameters", "models", "inference"},
    "perturbing": {"core", "parameters", "evaluation"},
    "judging": {"core", "parameters", "models", "inference"},
    "training": {"core", "parameters", "models", "methods"},
    "inference": {"core", "parameters", "models"},
    "trial": {"core", "parameters", "models", "methods", "training", "inference"},
    "planning": {"core", "parameters", "reporting", "models", "methods", "training", "inference"},
    "serving": {"core", "parameters", "models", "inference", "exporting"},
    "exporting": {"core", "tables", "parameters", "models", "inference", "evaluation"},
    "experiments": {"core", "parameters", "evaluation", "reporting", "models", "methods"},
    "commands": {"core", "parameters", "evaluation", "reporting", "models", "methods", "experiments"},
    "": {
        *("core", "tables", "parameters", "evaluation", "reporting", "models", "methods", "training", "inference"),
        *("mixing", "benchmarking", "perturbing", "judging", "exporting", "serving", "planning"),
        "experiments",  # for the stage `config`
        "trial",  # for the stage `convert`
    },
}
WITHOUT_TORCH = ("core", "tables", "parameters", "evaluation", "reporting")
HEAVY = {"torch", "transformers", "peft", "accelerate", "datasets"}
# Places that are not DVC's: checkpoints are outside the outputs, sweeps are written by a command.
NOT_IN_THE_GRAPH = {"checkpoints", "sweeps"}


def stages() -> dict[str, dict[str, Any]]:
    """The stages of dvc.yaml as they are written there."""
    listed = yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"]
    return {name: stage.get("do", stage) for name, stage in listed.items()}


STAGES = stages()


def module_of(stage: str) -> str:
    return STAGES[stage]["cmd"].split()[2]


def file_of(module: str) -> Path:
    return Path(f"{module.replace('.', '/')}.py")


def outputs(stage: str) -> list[str]:
    listed = [*STAGES[stage].get("outs", []), *STAGES[stage].get("metrics", [])]
    return [next(iter(one)) if isinstance(one, dict) else one for one in listed]


def data_of(stage: str) -> list[str]:
    """The data among a stage's dependencies; not its code and configuration, nor what a value of params.yaml names."""
    sources = ("pipeline", "support_calls", "pretraining", "conf", "params.yaml", "${")
    return [path for path in STAGES[stage]["deps"] if not path.startswith(sources)]


def modules(folder: str) -> Iterator[str]:
    """The modules of a folder of pipeline/ at any depth; of its top level for ""."""
    pattern = f"{folder}/**/*.py" if folder else "*.py"
    for path in sorted(Path("pipeline").glob(pattern)):
        yield ".".join(path.with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("stage", sorted(set(STAGES) - code_lists.WITHOUT_LIST))
def test_a_stage_depends_on_exactly_the_code_it_imports(stage):
    assert code_lists.stage_modules()[stage] == module_of(stage)
    listed = {path for path in STAGES[stage]["deps"] if path.endswith(".py") or path.startswith("data/code")}
    reached = {path.parent.as_posix() for path in closure(module_of(stage)) if path.name == "__init__.py"}
    named = {
        f"{package.replace('.', '/')}/${{{parameter}}}.py"
        for package, parameter in REGISTRIES.items()
        if package.replace(".", "/") in reached
    }
    assert listed == {f"data/code/{stage}.txt", *named}


def test_the_list_of_a_stage_changes_with_what_it_imports_and_with_nothing_else():
    listing = code_lists.code_list("pipeline.score")
    assert "pipeline/evaluation/scoring.py" in listing
    assert not re.search("train.py|reporting|methods|core/paths", listing)
    for line in listing.splitlines():
        md5, path = line.split("  ")
        assert hashlib.md5(Path(path).read_bytes()).hexdigest() == md5


@pytest.mark.parametrize("stage", sorted(set(STAGES) - {"config", "pretrain"}))  # a recipe of its own
def test_a_stage_depends_on_exactly_the_parameters_it_reads(stage):
    tracked = {key.partition(".")[0] for key in STAGES[stage].get("params", [])}
    tree = ast.parse(file_of(module_of(stage)).read_text(encoding="utf-8"))
    (run,) = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "run"]
    read = {name.arg for name, default in zip(run.args.kwonlyargs, run.args.kw_defaults) if default is None}
    if stage in ("train", "soft_prompt"):
        read.add("${item")  # the section of the method
    assert tracked == read


def test_generate_depends_on_all_of_its_section_but_how_latency_is_measured():
    """So that more rounds write no summary again; `measure` depends on the whole section."""
    tracked = {key for key in STAGES["generate"]["params"] if key.startswith("generate")}
    assert tracked == {f"generate.{key}" for key in read_params()["generate"] if key != "latency"}


def places() -> dict[str, str]:
    """Every place that core/paths.py knows, a star for each name in it."""
    found = {}
    for name, member in inspect.getmembers(Paths):
        if isinstance(member, property):
            found[name] = getattr(Paths(), name).as_posix()
        elif inspect.isfunction(member) and not name.startswith("_"):
            place = getattr(Paths(), name)
            found[name] = place(*"*" * len(inspect.signature(place).parameters)).as_posix()
    return found


def test_dvc_yaml_and_the_paths_module_name_the_same_places():
    written = {path for stage in STAGES for path in outputs(stage)} | {
        path for stage in STAGES for path in data_of(stage)
    }
    written = {re.sub(r"\$\{.+?\}", "*", path) for path in written if not path.startswith("models/tiny_t5/")}
    known = places()
    for path in written:  # a place, or a folder of places
        assert any(fnmatch.fnmatch(path, place) or place.startswith(f"{path}/") for place in known.values()), path
    for name in set(known) - NOT_IN_THE_GRAPH:
        inside = (known[name].startswith(f"{path}/") for path in written)
        assert any(fnmatch.fnmatch(path, known[name]) for path in written) or any(inside), known[name]


def test_no_dependency_is_a_file_inside_a_directory_that_another_stage_writes():
    folders = [path for stage in STAGES for path in outputs(stage) if not Path(path).suffix]
    values = [
        value for file in Path("conf").rglob("*.yaml") for _, value in configuration.flatten(read_params(file))
    ]  # any of them may be a dependency, as ${data.train} is
    for path in [*(path for stage in STAGES for path in STAGES[stage]["deps"]), *values]:
        for folder in folders:
            assert not str(path).startswith(f"{folder}/"), f"{path} is inside {folder}"


def test_git_ignores_what_dvc_keeps():
    """Or DVC writes a .gitignore into every folder, and a new seed changes it."""
    kept = {path for stage in set(STAGES) - {"pretrain"} for path in STAGES[stage]["outs"] if isinstance(path, str)}
    for path in kept:
        example = re.sub(r"\$\{.+?\}", "x", path)
        assert subprocess.run(["git", "check-ignore", "--quiet", example]).returncode == 0, path


def test_every_stage_says_what_it_is_for():
    assert all(stage["desc"] for stage in STAGES.values())


def test_no_command_names_a_path():
    assert not [stage["cmd"] for stage in STAGES.values() if "/" in stage["cmd"]]


def test_dvc_reads_a_stage_of_every_method_of_the_default():
    with Repo(".") as repo:
        found = {stage.name for stage in repo.index.stages}
    params = read_params()
    chosen = params["methods"]
    expected = {f"{kind}@{run}" for kind in ("train", "validate", "generate", "forgetting") for run in params["runs"]}
    expected |= {f"model_card@{run}" for run in params["runs"]}
    expected |= {f"score@{method}" for method in chosen}
    expected |= {f"soft_prompt@{run}" for run in params["soft_prompt_runs"]}
    assert expected == {name for name in found if "@" in name}
    assert set(chosen) <= set(methods.names())


@pytest.mark.parametrize("folder", MAY_IMPORT)
def test_folders_import_only_downwards_and_no_stage_imports_a_stage(folder):
    for module in modules(folder):
        for imported in imports(module):
            parts = imported.split(".")
            if parts[0] != "pipeline" or (module == "pipeline.__main__"):
                assert parts[0] != "pretraining"
                continue
            inner = file_of(imported).parent.parts[1:] if file_of(imported).is_file() else tuple(parts[1:])
            other = inner[0] if inner else ""
            assert other in MAY_IMPORT[folder] or (folder and other == folder), f"{module} imports {imported}"


def test_every_folder_has_its_place_in_the_order():
    folders = {path.parent.name for path in Path("pipeline").glob("*/__init__.py")}
    assert folders == set(MAY_IMPORT) - {""}


@pytest.mark.parametrize("folder", WITHOUT_TORCH)
def test_what_needs_no_model_imports_no_torch_not_even_in_functions(folder):
    for module in modules(folder):
        for path in closure(module):
            names = {name.partition(".")[0] for name in all_imports(path)}
            assert not names & HEAVY, f"{path} imports {names & HEAVY}"


def all_imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""


def test_params_yaml_is_what_conf_composes_to(tmp_path):
    configuration.write(tmp_path / "params.yaml")
    assert (tmp_path / "params.yaml").read_text() == PARAMS.read_text()


def test_the_bundled_base_is_frozen_and_is_what_pretraining_left():
    assert STAGES["pretrain"]["frozen"]
    lock = yaml.safe_load(Path("dvc.lock").read_text())["stages"]["pretrain"]
    for file in lock["outs"]:
        assert hashlib.md5(Path(file["path"]).read_bytes()).hexdigest() == file["md5"], file["path"]
    (listed,) = [dep["md5"] for dep in lock["deps"] if dep["path"] == "data/code/pretrain.txt"]
    assert hashlib.md5(code_lists.code_list("pretraining.train").encode()).hexdigest() == listed
    assert {out["path"] for out in lock["outs"]} == set(outputs("pretrain"))
    assert {dep["path"] for dep in lock["deps"]} == set(STAGES["pretrain"]["deps"])
    assert Path("models/tiny_t5/model.safetensors").stat().st_size < 16 * 2**20


def test_the_pipeline_never_imports_what_made_the_base():
    for stage in set(STAGES) - {"pretrain"}:
        assert not any(path.parts[0] == "pretraining" for path in closure(module_of(stage))), stage
    assert "pretraining" in PACKAGES


def test_make_graph_names_the_stages_that_an_edit_reruns(tmp_path):
    for stage, module in code_lists.stage_modules().items():
        (tmp_path / f"{stage}.txt").write_text(code_lists.code_list(module))
        assert graph.changed_files(module, tmp_path / f"{stage}.txt") == []
    path = tmp_path / "train.txt"
    path.write_text(
        path.read_text().replace(hashlib.md5(Path("pipeline/training/loop.py").read_bytes()).hexdigest(), "0")
    )
    assert graph.changed_files("pipeline.train", path) == ["pipeline/training/loop.py"]
