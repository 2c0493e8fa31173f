"""Make an experiment's values the defaults, as an experiment file of conf/ that config.yaml chooses.

    dvc exp apply NAME && python -m pipeline adopt NAME          (make adopt EXP=NAME)

Writes what differs between params.yaml and the defaults to conf/experiment/NAME.yaml, and NAME into the defaults list
of conf/config.yaml. If conf/ then does not compose to params.yaml, both files are put back and the command fails.
"""

import argparse
import re
from pathlib import Path
from typing import Any

import yaml

from pipeline.core.cli import run_command
from pipeline.core.errors import InputError
from pipeline.core.params import read_params
from pipeline.experiments import configuration

CHOICE = re.compile(r"^(  - experiment: ).*$", re.MULTILINE)


def adopt(name: str, conf: Path = configuration.CONF) -> Path:
    """Returns the new file of conf/. Raises InputError, with conf/ as before, if it is not possible."""
    config, experiment = conf / "config.yaml", conf / "experiment" / f"{name}.yaml"
    if not re.fullmatch(r"\w[\w-]*", name) or experiment.exists():
        raise InputError(f"{experiment}: exists, or is no name for a file; choose another")
    values, before = read_params(), config.read_text(encoding="utf-8")
    configuration.validate(values)
    try:
        config.write_text(CHOICE.sub(r"\g<1>null", before), encoding="utf-8")
        changed = changes(configuration.compose((), conf), values)
        text = yaml.safe_dump(changed, sort_keys=False, allow_unicode=True, width=10**6)
        experiment.write_text(f"# @package _global_\n# dvc exp run -S experiment={name}\n{text}", encoding="utf-8")
        config.write_text(CHOICE.sub(rf"\g<1>{name}", before), encoding="utf-8")
        if left := configuration.differences(configuration.compose((), conf), values):
            raise InputError(f"conf/ is as before, because an experiment file cannot say this: {'; '.join(left)}")
    except BaseException:
        config.write_text(before, encoding="utf-8")
        experiment.unlink(missing_ok=True)
        raise
    return experiment


def changes(defaults: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """The values that differ from the defaults, nested as they are."""
    return {
        key: changes(defaults[key], value) if isinstance(value, dict) and isinstance(defaults.get(key), dict) else value
        for key, value in values.items()
        if key not in defaults or value != defaults[key]
    }


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline adopt", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("name", nargs="?", default="adopted", help="of the new file in conf/experiment")
    path = adopt(parser.parse_args().name)
    print(f"{path}: the defaults from now on; conf/ composes to params.yaml, and `dvc repro` goes on from here")


if __name__ == "__main__":
    run_command("python -m pipeline adopt", main)
