"""Check params.yaml: its values can be used, and outside an experiment it is what conf/ composes to.

    python -m pipeline.config

The first stage. Values are checked before anything heavy is imported.
"""

import os
from typing import Any

from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.params import read_params
from pipeline.core.paths import Paths
from pipeline.experiments import configuration


def run(paths: Paths) -> None:
    values = read_params()
    configuration.validate(values)
    # `dvc exp run` has just composed params.yaml, with -S on top.
    if "DVC_EXP_BASELINE_REV" not in os.environ:
        check_composition(values)
    paths.checked.parent.mkdir(parents=True, exist_ok=True)
    paths.checked.write_text("params.yaml was checked\n")


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
