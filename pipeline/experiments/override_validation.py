"""What `dvc exp run` composes is refused here in one line, or let in; hydra_plugins/door.py puts it in its place."""

import copy
import difflib
import functools
import os
import sys

import yaml
from dvc.exceptions import InvalidArgumentError
from hydra.errors import HydraException, MissingConfigException
from omegaconf import OmegaConf, open_dict
from omegaconf.errors import OmegaConfBaseException

from pipeline import config
from pipeline.core.errors import InputError
from pipeline.core.params import PARAMS, flatten, read_params
from pipeline.experiments.dvc_experiments import definitions

GONE = "nothing"  # the value of a key that a composition does not have
SHOWN = 5  # values that go back; of more, the number is said


def guard(load):
    """Hydra's load_configuration, with its errors in one line and its result checked by `config.validate`.

    Raises dvc.exceptions.InvalidArgumentError, which DVC shows as it is.
    """

    @functools.wraps(load)
    def load_configuration(loader, config_name, overrides, *arguments, **options):
        try:
            composed = load(loader, config_name, overrides, *arguments, **options)
            values = plain(composed)
            config.validate(values)
        except (HydraException, OmegaConfBaseException, InputError) as error:
            raise InvalidArgumentError(readable(error, overrides)) from None  # DVC would show both
        if "DVC_STAGE" not in os.environ:  # a stage composes only to compare
            before = readable_params()
            if before and before != values:
                defaults = plain(load(loader, config_name, [], *arguments, **options))
                announce(going_back(before, values, defaults, overrides), loader)
        return composed

    return load_configuration


def readable_params() -> dict:
    """params.yaml as it is; nothing where there is none, or a merge left its marks in it: it is about to be written."""
    try:
        return read_params()
    except (InputError, yaml.YAMLError):
        return {}


def plain(composed) -> dict:
    """A composition as params.yaml will hold it."""
    values = copy.deepcopy(composed)
    with open_dict(values):
        del values["hydra"]
    OmegaConf.resolve(values)
    return OmegaConf.to_container(values)


def readable(error: Exception, overrides: list[str]) -> str:
    """An error of Hydra's as `key: value: what is allowed`, in one line."""
    if isinstance(error, MissingConfigException) and error.missing_cfg_file and error.options is not None:
        group, _, option = error.missing_cfg_file.rpartition("/")
        there = sorted(name for name in error.options if not name.startswith("_"))
        return f"{group}: {option!r}: no such file in conf/{group}; there are {', '.join(there)}{hint(option, there)}"
    if isinstance(error, OmegaConfBaseException):
        return f"{error.full_key or ' '.join(overrides)}: {str(error).splitlines()[0]}"
    cause = error.__cause__
    key, parent = getattr(cause, "full_key", None), getattr(cause, "parent_node", None)
    if key and OmegaConf.is_dict(parent):
        of, _, name = key.rpartition(".")
        values = [text.partition("=")[2] for text in overrides if text.partition("=")[0] == key]
        groups = [] if of else [path.name for path in definitions.CONF.iterdir() if path.is_dir()]
        there = sorted({*map(str, parent), *groups} - {"hydra"})
        said = ": ".join([key, *(repr(value) for value in values[-1:]), "unknown key"])
        return f"{said}; {of or 'conf/'} has {', '.join(there)}{hint(name, there)}"
    return " ".join(str(error).split())


def hint(word: str, there: list[str]) -> str:
    """The nearest of what there is, if any is near."""
    near = difflib.get_close_matches(word, there, n=1)
    return f" (did you mean {near[0]}?)" if near else ""


def going_back(before: dict, now: dict, defaults: dict, overrides: list[str]) -> list[tuple[str, object, object]]:
    """(key, value before, value now) where an experiment's value gives way to conf/'s without being asked to."""
    given = {text.lstrip("+~").partition("=")[0] for text in overrides}
    values, conf = dict(flatten(now)), dict(flatten(defaults))
    return [
        (key, value, values.get(key, GONE))
        for key, value in flatten(before)
        if value != values.get(key, GONE)
        and values.get(key, GONE) == conf.get(key, GONE)
        and not given & {key, key.partition(".")[0]}
    ]


def nearest(key: str, loader) -> definitions.Definition | None:
    """Where in conf/ a key, or what it would stand under, is defined."""
    while (place := definitions.of(key, loader)) is None and "." in key:
        key = key.rpartition(".")[0]
    return place


def announce(going: list[tuple[str, object, object]], loader) -> None:
    """Say what the composition undoes, and where in conf/ to write it."""
    if not going:
        return
    said = [
        f"{key} goes back from {before!r} to {now!r} ({nearest(key, loader) or 'conf/ has none'})"
        for key, before, now in going[:SHOWN]
    ]
    if len(going) > SHOWN:
        said.append(f"{len(going) - SHOWN} more values go back")
    print(
        f"conf/ knows nothing of values that an experiment left in {PARAMS}: {'; '.join(said)}. To keep them: "
        "-S again for one run, for good `make adopt EXP=NAME`",
        file=sys.stderr,
    )
