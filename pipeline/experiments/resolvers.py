"""What conf/ computes when it is composed: the runs of the chosen methods and seeds."""

from collections.abc import Callable
from typing import Any

from omegaconf import DictConfig, OmegaConf

from pipeline import methods
from pipeline.core.runs import run_name


def register() -> None:
    """Let conf/ use `runs`, `seeds_of`, `runs_for` and `soft_prompt_runs`."""
    for compute in (runs, seeds_of, runs_for, soft_prompt_runs):
        OmegaConf.register_new_resolver(compute.__name__, as_config(compute), replace=True)


def as_config(compute: Callable[..., dict[str, Any]]) -> Callable[..., DictConfig]:
    """The same function with a result that OmegaConf resolves further."""
    return lambda *arguments: OmegaConf.create(compute(*arguments))


def runs(chosen: Any, seeds: Any) -> dict[str, dict[str, Any]]:
    """Name of each run -> its method and its seed: what dvc.yaml has stages for."""
    return {
        run_name(method, seed): {"method": method, "seed": seed}
        for method, own in seeds_of(chosen, seeds).items()
        for seed in own or [None]
    }


def seeds_of(chosen: Any, seeds: Any) -> dict[str, list[Any]]:
    """Method -> its seeds; none for a method that depends on no seed. What is no list is refused later, by its type."""
    named = [name for name in _listed(chosen) if isinstance(name, str)]
    return {name: _listed(seeds) if methods.depends_on_seed(name) else [] for name in named}


def runs_for(wanted: Any, chosen: Any, seeds: Any) -> dict[str, dict[str, Any]]:
    """The same runs where there is something that they are wanted for; else none."""
    return runs(chosen, seeds) if wanted else {}


def soft_prompt_runs(chosen: Any, seeds: Any) -> dict[str, dict[str, Any]]:
    """Those of the runs that train vectors among the embeddings."""
    return {name: run for name, run in runs(chosen, seeds).items() if trains_soft_tokens(run["method"])}


def trains_soft_tokens(method: str) -> bool:
    """Whether a method puts trained vectors before the input: it does so with `inject_prompt` (methods/base.py)."""
    return method in methods.names() and hasattr(methods.find(method), "inject_prompt")


def _listed(value: Any) -> list[Any]:
    return list(value) if OmegaConf.is_list(value) or isinstance(value, list) else []
