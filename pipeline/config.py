"""Check params.yaml: its values can be used, and outside an experiment it is what conf/ composes to.

    python -m pipeline.config

The first stage. Values are checked before anything heavy is imported.
"""

import configparser
import os
from pathlib import Path
from typing import Any

from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.params import read_params
from pipeline.core.paths import Paths
from pipeline.experiments import configuration

# What the section [hydra] of .dvc/config may say.
HYDRA = {
    "enabled": ("true", "yes", "on", "1"),
    "config_dir": ("conf",),
    "config_name": ("config",),
    "config_module": (),
    "plugins_path": ("",),
}


def run(paths: Paths) -> None:
    check_hydra(paths.root)
    values = read_params()
    configuration.validate(values)
    # `dvc exp run` has just composed params.yaml, with -S on top.
    if "DVC_EXP_BASELINE_REV" not in os.environ:
        check_composition(values)
    paths.checked.parent.mkdir(parents=True, exist_ok=True)
    paths.checked.write_text("params.yaml was checked\n")


def check_hydra(folder: Path) -> None:
    """Raises InputError where DVC composes params.yaml without Hydra, or from another place: -S would go unchecked."""
    if not (folder / ".dvc").is_dir():
        return
    config, files = configparser.ConfigParser(interpolation=None, strict=False), ("config", "config.local")
    try:
        config.read([folder / ".dvc" / name for name in files], encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError) as error:
        raise InputError(f".dvc/config: {' '.join(str(error).split())}") from None
    found = {key: value.strip("\"'") for key, value in config["hydra"].items()} if config.has_section("hydra") else {}
    wrong = [f"{key} = {value}" for key, value in found.items() if key in HYDRA and value.lower() not in HYDRA[key]]
    if wrong or "enabled" not in found:
        raise InputError(
            f".dvc/config: [hydra] has {', '.join(wrong) or 'no `enabled = true`'}, and without this project's "
            "conf/ no value of `dvc exp run -S` is checked. Run: dvc config hydra.enabled true"
            + "".join(f" && dvc config --unset hydra.{key}" for key in found if key in HYDRA and key != "enabled")
        )


def check_composition(values: dict[str, Any]) -> None:
    """Raises InputError if the values are not what conf/ composes to: `dvc repro` would ignore an edit in conf/."""
    if differing := configuration.differences(configuration.compose(), values):
        raise InputError(
            f"params.yaml is not what conf/ composes to: {'; '.join(differing)}. If conf/ is right, run `make params` "
            "and then `dvc repro`; if params.yaml is (an experiment was applied), `make adopt`; to try a value, "
            "`dvc exp run -S key=value`"
        )


if __name__ == "__main__":
    run_stage(run)
