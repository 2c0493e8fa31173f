"""The command line of a stage, made from the signature of its `run`."""

import argparse
import atexit
import contextlib
import gc
import inspect
import os
import sys
import warnings
from collections.abc import Callable

from pipeline.core import launcher
from pipeline.core.errors import InputError
from pipeline.core.machine_errors import explain_machine_error
from pipeline.core.params import read_section
from pipeline.core.paths import Paths


def prepare_process() -> None:
    """Set what must be set before torch and transformers are imported. A user's own environment variables win."""
    # OpenMP threads that wait by spinning make small models ten times slower as soon as anything else runs; see
    # docs/log.md for idle and busy measurements.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if not sys.stderr.isatty():
        os.environ["HF_HUB_DISABLE_PROGRESS_BARS"] = "1"  # and transformers' bars; ours are plain lines in a log
    warnings.filterwarnings("ignore", "`is_gradient_checkpointing` is deprecated")  # PEFT's question to transformers
    # PEFT imports bitsandbytes wherever it finds it: 1.4 CPU seconds and 44 MiB of every process. Only a training with
    # a quantized base needs it, and looks for it again (pipeline/training/quantized_base.py).
    sys.modules.setdefault("bitsandbytes", None)  # type: ignore[arg-type]
    # Importing torch makes a million objects. Searching them for garbage takes a second, half of it at exit.
    gc.set_threshold(100_000, 50, 100)
    atexit.register(gc.freeze)


def print_anything() -> None:
    """Let no print fail: what a terminal or a log cannot encode is written as an escape, such as \\xe4."""
    for stream in (sys.stdout, sys.stderr):
        if stream is None:  # closed
            continue
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
        with contextlib.suppress(OSError):  # a stream that says it can seek, and cannot
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def run_command(name: str, command: Callable[[], None], stage: str = "") -> None:
    """Run what a command line asks for. Whatever the user or the machine causes ends in one line and exit code 1."""
    print_anything()
    try:
        command()
    except InputError as error:
        sys.exit(f"{name}: error: {error}")
    except BrokenPipeError:  # `... | head` has read enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python fails once more when it ends
        sys.exit(141)
    except Exception as error:
        if explanation := explain_machine_error(error, stage):
            sys.exit(f"{name}: error: {explanation}")
        raise


def run_stage(run: Callable[..., None], online: bool = False, several_processes: bool = False) -> None:
    """Run a stage from the command line.

    Positional parameters of `run` are arguments of the command, in order; one annotated `Paths` gets the places of all
    files. Keyword-only parameters without a default are sections of params.yaml, read and checked into their annotated
    types; those with a default are options. `online` lets the stage ask the hub. `several_processes`: the stage shares
    its work among those that the environment's LAUNCHER starts; others ignore it. An InputError ends the process with
    exit code 1 and its message in one line.
    """
    module = inspect.getmodule(run)
    name = f"python -m {module.__spec__.name}"  # type: ignore[union-attr]
    parser = argparse.ArgumentParser(
        prog=name, description=module.__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    sections, places = {}, {}
    for parameter in inspect.signature(run).parameters.values():
        if parameter.annotation is Paths:
            places[parameter.name] = Paths()
        elif parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty:
            sections[parameter.name] = parameter.annotation
        elif parameter.kind is parameter.KEYWORD_ONLY:
            option = f"--{parameter.name.replace('_', '-')}"
            parser.add_argument(
                option, type=parameter.annotation, default=parameter.default, help=f"default: {parameter.default}"
            )
        elif parameter.default is parameter.empty:
            parser.add_argument(parameter.name, type=parameter.annotation)
        else:
            parser.add_argument(parameter.name, type=parameter.annotation, nargs="?", default=parameter.default)
    arguments = parser.parse_args()
    if online:
        os.environ.setdefault("HF_HUB_OFFLINE", "0")
    stage = name.rpartition(".")[2]

    def run_here() -> None:
        prepare_process()
        run(**vars(arguments), **places, **{key: read_section(key, kind) for key, kind in sections.items()})

    def run_or_launch() -> None:
        if words := launcher.launcher():
            sys.exit(launcher.launch(words, module.__spec__.name, sys.argv[1:]))  # type: ignore[union-attr]
        run_here()

    if several_processes and (launcher.LAUNCHED in os.environ or launcher.is_rank()):
        launcher.run_rank(lambda: run_command(name, run_here, stage))
    else:
        run_command(name, run_or_launch if several_processes else run_here, stage)
