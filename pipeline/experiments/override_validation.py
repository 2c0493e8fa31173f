"""`dvc exp run` checks its overrides here, as soon as Hydra has composed them and before anything is queued or run.

hydra_plugins/override_validation.py puts `guard` around Hydra's function.
"""

import functools
import sys
from collections.abc import Callable, Sequence
from types import FrameType
from typing import Any

from dvc.exceptions import InvalidArgumentError

from pipeline.core.errors import InputError
from pipeline.core.imports import ROOT
from pipeline.core.params import PARAMS, flatten, read_params
from pipeline.experiments import configuration
from pipeline.experiments.queued_paths import check_present, check_queued

ABSENT = "nothing"  # the value of a key that a composition does not have
SHOWN = 5  # overwritten values that are named; of more, the number


def guard(load: Callable[..., Any]) -> Callable[..., Any]:
    """Hydra's load_configuration, with its errors in one line and its result checked.

    Raises dvc.exceptions.InvalidArgumentError, which DVC prints as it is.
    """

    @functools.wraps(load)
    def load_configuration(loader: Any, config_name: str, overrides: list[str], *arguments: Any, **options: Any) -> Any:
        try:
            with configuration.explained(overrides, ROOT / configuration.CONF):
                composed = load(loader, config_name, overrides, *arguments, **options)
                values = configuration.plain_values(composed)
            configuration.validate(values, ROOT)
            check_present(values, ROOT)
            if runs_in_a_copy():
                check_queued(values, ROOT)
        except InputError as error:
            raise InvalidArgumentError(str(error)) from None  # DVC would print both
        if (before := readable_params()) and (lost := not_requested(before, values, overrides)):
            defaults = configuration.plain_values(load(loader, config_name, [], *arguments, **options))
            announce(from_conf(lost, defaults))
        return composed

    return load_configuration


def runs_in_a_copy() -> bool:
    """Whether DVC composes for `--queue` or `--temp`, which run in a copy of what git tracks.

    DVC tells the composition nothing about that, but the queue for which it composes is on the stack.
    """
    frame: FrameType | None = sys._getframe()
    while frame and frame.f_code.co_name != "_stash_exp":
        frame = frame.f_back
    return frame is not None and type(frame.f_locals.get("self")).__name__ != "WorkspaceQueue"


def readable_params() -> dict[str, Any]:
    """params.yaml, which is about to be written again; nothing where there is none or a merge left its marks in it."""
    try:
        return read_params()
    except InputError:
        return {}


Change = tuple[str, object, object]  # key, value before, value now


def not_requested(before: dict[str, Any], now: dict[str, Any], overrides: Sequence[str]) -> list[Change]:
    """The values of params.yaml that change although no override names them or their section."""
    requested = {text.lstrip("+~").partition("=")[0] for text in overrides}
    values = dict(flatten(now))
    return [
        (key, value, values.get(key, ABSENT))
        for key, value in flatten(before)
        if value != values.get(key, ABSENT) and not requested & {key, key.partition(".")[0]}
    ]


def from_conf(changes: list[Change], defaults: dict[str, Any]) -> list[Change]:
    """Those that change to the default in conf/. Others were requested through an option, like experiment=smoke."""
    conf = dict(flatten(defaults))
    return [change for change in changes if change[2] == conf.get(change[0], ABSENT)]


def announce(changes: list[Change]) -> None:
    """Print which values of an earlier experiment are overwritten, and how to keep them."""
    if not changes:
        return
    texts = [f"{key} goes back from {before!r} to {now!r}" for key, before, now in changes[:SHOWN]]
    if len(changes) > SHOWN:
        texts.append(f"{len(changes) - SHOWN} more values go back")
    print(
        f"{PARAMS} has values of an experiment that conf/ does not have: {'; '.join(texts)}. To keep them: -S again "
        "for one run, `make adopt EXP=NAME` for all",
        file=sys.stderr,
    )
