"""Compose conf/ into params.yaml, after an edit in conf/.

python -m pipeline compose [key=value ...]          (make params)
"""

import argparse
import sys

from pipeline.core.errors import InputError
from pipeline.core.params import PARAMS
from pipeline.experiments import configuration


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline compose", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("overrides", nargs="*", metavar="key=value", help="as -S of `dvc exp run` takes them")
    overrides = parser.parse_args().overrides
    try:
        configuration.validate(configuration.compose(overrides))
        configuration.write(PARAMS, overrides)
    except InputError as error:
        sys.exit(f"python -m pipeline compose: error: {error}")


if __name__ == "__main__":
    main()
