"""Write an experiment's values back into conf/, each where it is defined, so that they are the new defaults.

    dvc exp apply NAME && python -m pipeline.adopt     (make adopt EXP=NAME)

Takes the values of params.yaml. Comments and all other lines stay as they are. If what conf/ then composes to is not
params.yaml, every file is put back and the command fails.
"""

import argparse
import inspect
import re
import sys
import tempfile
from pathlib import Path

import yaml

from pipeline import config
from pipeline.core.errors import InputError
from pipeline.core.params import flatten, read_params
from pipeline.experiments.definitions import CONF, Definition
from pipeline.experiments.dvc_experiments import definitions, override_validation

GONE = object()  # the value of a key that a configuration does not have


def adopt() -> list[str]:
    """Edit conf/ until it composes to params.yaml; a line for each edit. Refused, with conf/ as before, if it can't."""
    wanted = read_params()
    config.validate(wanted)
    before = {path: path.read_text(encoding="utf-8") for path in sorted(CONF.rglob("*.yaml"))}
    try:
        edits = choose(wanted) + write(wanted)
        with tempfile.TemporaryDirectory() as folder:
            proof = Path(folder) / "params.yaml"
            config.compose(proof)  # the way of `dvc exp run`
            left = config.differences(wanted, read_params(proof))
        if left:
            raise InputError(f"conf/ was left as it is, for these can't be written there: {'; '.join(left)}")
    except BaseException:
        for path, text in before.items():
            path.write_text(text, encoding="utf-8")
        raise
    return edits


def choose(wanted: dict) -> list[str]:
    """Set the options of config.yaml's defaults list (experiment, data, model, ...) that come nearest to `wanted`."""
    edits = []
    groups = [path.name for path in sorted(CONF.iterdir()) if path.is_dir()]
    for group in sorted(groups, key=lambda name: name != "experiment"):  # an experiment chooses other groups' options
        place = definitions.choice(group)
        options = [path.stem for path in sorted((CONF / group).glob("[!_]*.yaml"))]
        distances = {option: distance(wanted, composed(f"{group}={option}")) for option in options}
        nearest = min(options, key=distances.get)
        if distances[nearest] < distance(wanted, composed()):
            edits.append(replace(place, nearest, group))
    return edits


def write(wanted: dict) -> list[str]:
    """Write each value that differs where it is defined; what refers to one that was written may then be right."""
    edits, written = [], set()
    while left := [pair for pair in changed(wanted, composed()) if pair[0] not in written]:
        key, value = left[0]
        with definitions.loader() as loader:
            place = definitions.of(key, loader)
        if place is None:
            raise InputError(f"{key}: conf/ does not define it: add it there by hand, with the value {value!r}")
        written.add(key)
        edits.append(replace(place, value, key))
    return edits


def changed(wanted: dict, found: dict, key: str = "") -> list[tuple[str, object]]:
    """(dotted key, value) to write; a mapping within a section whose keys differ is written as a whole."""
    sections = not key
    if not (isinstance(wanted, dict) and isinstance(found, dict) and (sections or set(wanted) == set(found))):
        return [] if wanted == found else [(key, wanted)]
    pairs = ((f"{key}.{name}".lstrip("."), value, found.get(name)) for name, value in wanted.items())
    return [edit for inner, value, other in pairs for edit in changed(value, other, inner)]


def composed(*overrides: str) -> dict:
    """What conf/ composes to, unchecked: some options (local) are sound only with the values that come later."""
    from hydra.types import RunMode

    with definitions.loader() as loader:
        load = inspect.unwrap(type(loader).load_configuration)
        return override_validation.plain(load(loader, "config", list(overrides), RunMode.RUN))


def distance(wanted: dict, found: dict) -> int:
    """How many values differ."""
    left, right = dict(flatten(wanted)), dict(flatten(found))
    return sum(left.get(key, GONE) != right.get(key, GONE) for key in {*left, *right})


def replace(place: Definition, value: object, key: str) -> str:
    """Put a value in the place of another, a comment behind it in its column; the line that says so."""
    text = place.path.read_text(encoding="utf-8")
    old, new = text[place.start : place.end], flow(value)
    rest = text[place.end :]
    if aligned := re.match(r" {2,}(?=#)", rest):  # keep the column, and at least one space
        room = max(len(aligned[0]) + len(old) - len(new), 1)
        rest = " " * room + rest[aligned.end() :]
    place.path.write_text(text[: place.start] + new + rest, encoding="utf-8")
    return f"{place}: {key}: {' '.join(old.split())} -> {new}"


def flow(value: object) -> str:
    """A value as YAML in one line."""
    return yaml.safe_dump(value, default_flow_style=True, width=10**6, sort_keys=False).removesuffix("\n...\n").strip()


def main() -> None:
    argparse.ArgumentParser(
        prog="python -m pipeline.adopt", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    try:
        edits = adopt()
    except InputError as refusal:
        sys.exit(f"python -m pipeline.adopt: error: {refusal}")
    print("\n".join(edits) if edits else "conf/ has these values already")
    print("conf/ composes to params.yaml; `dvc repro` goes on from here")


if __name__ == "__main__":
    main()
