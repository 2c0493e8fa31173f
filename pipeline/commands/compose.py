"""Compose conf/ into params.yaml, after an edit in conf/.

python -m pipeline compose [key=value ...]          (make params)
"""

import argparse
from pathlib import Path

from pipeline.core.cli import run_command
from pipeline.core.params import PARAMS
from pipeline.experiments import configuration
from pipeline.experiments.override_syntax import readable


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline compose", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="as -S of `dvc exp run` takes them")
    overrides = [readable(override, Path.cwd()) for override in parser.parse_args().overrides]
    configuration.validate(configuration.compose(overrides))
    configuration.write(PARAMS, overrides)


if __name__ == "__main__":
    run_command("python -m pipeline compose", main)
