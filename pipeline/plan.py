"""Memory, time and disk of this configuration before anything is trained: will it fit?

    python -m pipeline.plan [--no-probe] [--json]          (make plan)

For each method of params.yaml: weights, gradients, optimizer states, activations, generation's cache and what else the
process holds, against the memory that is free. The model is not loaded for this; its configuration is read from
models/base, else from model.path, or from --model. With data/tokens the largest batch is known; before that every
example is taken to be as long as the limits allow. Where models/base and data/tokens are there, a few steps and one
generated batch of each method that fits are timed. Nothing is written.
"""

import argparse
import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline import methods
from pipeline.core.cli import prepare_process, run_command
from pipeline.core.errors import InputError
from pipeline.core.messages import first_line
from pipeline.core.params import read_section
from pipeline.core.paths import Paths
from pipeline.parameters.generate import Generate
from pipeline.parameters.model import Model
from pipeline.parameters.tokenize import Tokenize
from pipeline.parameters.train import Train


def main() -> None:
    arguments = parse_arguments()
    prepare_process()
    import transformers

    from pipeline.models.limits import available_memory
    from pipeline.planning import disk, tables
    from pipeline.planning.method_plan import plan_method
    from pipeline.planning.remedies import remedies

    transformers.utils.logging.set_verbosity_error()
    paths = Paths()
    setting = read_setting(arguments.model, paths)
    available = available_memory() + setting.imports * (setting.device == "cpu")
    chosen: list[str] = read_section("methods", list[str])
    params = {name: read_section(name, methods.find(name).Params) for name in chosen}
    generation: dict[int, Any] = {}
    plans = []
    for name in chosen:
        print(f"planning {name}", file=sys.stderr)
        plans.append(plan_method(name, params[name], setting, generation))
    advice = {}
    for plan in plans:
        if plan.training_total > available or arguments.advice:
            print(f"what would make {plan.method} smaller", file=sys.stderr)
            advice[plan.method] = remedies(plan, params[plan.method], setting)
    times = {}
    if arguments.probe and paths.base_model.exists() and setting.lengths.train and setting.lengths.validation:
        from pipeline.planning.probe import measure

        for plan in plans:
            if plan.total <= available:
                print(f"timing {plan.method}", file=sys.stderr)
                times[plan.method] = measure(plan.method, params[plan.method], setting, paths)
    seeds: list[int] = read_section("seeds", list[int])
    needed, free = disk.needed(plans, len(seeds)), shutil.disk_usage(Path()).free
    durations = {plan.method: tables.whole_time(plan, times.get(plan.method), setting, paths) for plan in plans}
    if arguments.json:
        content = {
            plan.method: tables.to_json(plan, advice.get(plan.method, []), times.get(plan.method), available)
            for plan in plans
        }
        print(
            json.dumps(
                {
                    "available": available,
                    "device": setting.device,
                    "disk": needed,
                    "disk_free": free,
                    "methods": content,
                    "seconds": durations,
                },
                indent=2,
            )
        )
        return
    print(tables.describe(plans, advice, times, durations, setting, available, needed, free, len(seeds)))


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline.plan", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--model", type=Path, metavar="FOLDER", help="or a config.json; default: models/base, else model.path"
    )
    parser.add_argument("--no-probe", dest="probe", action="store_false", help="time nothing, and load no weights")
    parser.add_argument("--advice", action="store_true", help="what would save memory, for methods that fit too")
    parser.add_argument("--json", action="store_true", help="bytes and seconds as JSON")
    return parser.parse_args()


def read_setting(named: Path | None, paths: Paths) -> Any:
    """What all methods have in common, from params.yaml and what is on disk."""
    import psutil

    from pipeline.models.devices import best_device, hardware_precision
    from pipeline.models.limits import generation_settings, training_settings
    from pipeline.models.resource_monitor import import_libraries
    from pipeline.planning.method_plan import Setting
    from pipeline.planning.shapes import read_lengths
    from pipeline.training.quantized_base import import_bitsandbytes

    model, train = read_section("model", Model), read_section("train", Train)
    import_bitsandbytes(train)
    import_libraries()
    imports = psutil.Process().memory_info().rss
    generate, tokenize = read_section("generate", Generate), read_section("tokenize", Tokenize)
    config = read_config(named or (paths.base_model if paths.base_model.exists() else Path(model.path)))
    lengths = read_lengths(paths, tokenize, generate)
    size = described_parameters(config, model.architecture)
    longest = lengths.max_source_tokens + lengths.max_target_tokens
    limits: Any = {"max_source_tokens": lengths.max_source_tokens, "max_new_tokens": lengths.max_new_tokens}
    generate = generation_settings(replace(generate, max_new_tokens=lengths.max_new_tokens), limits, config, size)
    train = training_settings(train, longest, config, size)
    precision = hardware_precision() if train.precision == "auto" else train.precision
    seeds: list[int] = read_section("seeds", list[int])
    return Setting(
        config=config,
        architecture=model.architecture,
        train=train,
        generate=generate,
        precision=precision,
        lengths=lengths,
        seed=seeds[0],
        device=best_device() if best_device() == "cuda" else "cpu",
        imports=imports,
    )


def read_config(place: Path) -> Any:
    """transformers' configuration of a model folder or of a config.json. Raises InputError where there is none."""
    from transformers import AutoConfig

    file = place / "config.json" if place.is_dir() else place
    if not file.is_file() or file.suffix != ".json":
        raise InputError(f"{file}: no such configuration; name a model folder or its config.json with --model")
    try:
        return AutoConfig.from_pretrained(file, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # a configuration's values reach any code of its class
        raise InputError(f"{file}: cannot be read: {type(error).__name__}: {first_line(error)}") from error


def described_parameters(config: Any, architecture: str) -> int:
    """The parameters of the network that a configuration describes."""
    from pipeline.planning.fake_model import describe_model, explained

    with explained("plan"):
        network = describe_model(config, architecture, "eager").network
    return sum(parameter.numel() for parameter in network.parameters())


if __name__ == "__main__":
    run_command("python -m pipeline.plan", main)
