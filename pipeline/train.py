"""Train one method with one seed on the tokens; keep what it learned, its loss curve and what it cost.

    python -m pipeline.train RUN

If it is killed, the next run continues from the last checkpoint in models/checkpoints/ and ends with the same bytes (on
a CPU; CUDA's own kernels may differ in the last bit). Several processes: docs/several_processes.md.
"""

import itertools
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from types import ModuleType
from typing import Any

from pipeline import methods
from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.imports import ROOT, closure
from pipeline.core.json_lines import JsonLines
from pipeline.core.params import read_section
from pipeline.core.paths import Paths
from pipeline.core.runs import parse_run
from pipeline.core.shapes import Prompt
from pipeline.core.token_files import TokenFile
from pipeline.methods.base import MethodHooks
from pipeline.models import processes, sharding
from pipeline.models.agreement import check_start, logits_of
from pipeline.models.architectures.base import Example, LanguageModel
from pipeline.models.devices import best_device, device_name, environment, hardware_precision
from pipeline.models.limits import training_settings
from pipeline.models.loading import count_parameters
from pipeline.models.resource_monitor import ResourceMonitor, of_all_processes
from pipeline.models.tuned import DEMONSTRATIONS, directory_size, needs_base, save_tuned, trained_parameters
from pipeline.models.virtual_tokens import virtual_tokens
from pipeline.parameters.model import Model
from pipeline.parameters.train import QUANTIZED, Train, TrainingParams


def run(name: str, paths: Paths, *, model: Model, train: Train) -> None:
    method, seed = parse_run(name)
    module = methods.find(method)
    params = read_section(method, module.Params)
    checkpoints = None
    if hasattr(module, "adapt"):
        processes.join()
        record, checkpoints = fit(name, module, params, paths, model=model, train=train)
    elif processes.is_first():
        record = train_nothing(name, module, params, paths)
    if not processes.is_first():
        return
    record["base_bytes"] = sum(path.stat().st_size for path in paths.base_model.glob("*.safetensors"))
    record["bytes"] = directory_size(paths.tuned_model(name))
    record["needs_base"] = needs_base(paths.tuned_model(name))
    files.write_json(paths.training_run(name), {"method": method, "seed": seed, **record})
    if checkpoints:  # only now: killed before this line, the next run still has them
        checkpoints.remove()


def seed_of(name: str) -> int:
    """The seed of a run that needs one. Raises InputError where its name has none."""
    method, seed = parse_run(name)
    if seed is None:
        raise InputError(f"{name}: {method} depends on a seed; name a run, such as {method}-17")
    return seed


def train_nothing(name: str, module: ModuleType, params: Any, paths: Paths) -> dict[str, Any]:
    """Write the method's worked examples, if it has any, and empty curves; returns the run record."""
    prompts = JsonLines(paths.prompts("train"), Prompt)
    examples = module.demonstrations(prompts, params, seed_of(name)) if hasattr(module, "demonstrations") else []
    files.write_jsonl(paths.tuned_model(name) / DEMONSTRATIONS, examples)
    for folder in (paths.curves(name), paths.training_speed(name)):
        files.write_json(folder / "metrics.json", {})
    with files.explain_damage(paths.base_model):
        total = count_parameters(paths.base_model)
    if not total:
        raise files.damaged(paths.base_model, "no weights")
    return {"trainable_parameters": 0, "total_parameters": total}


def fit(
    name: str, module: ModuleType, params: TrainingParams, paths: Paths, *, model: Model, train: Train
) -> tuple[dict[str, Any], Any]:
    """Save the best weights and the curves; returns the run record and the checkpoints, which can then go."""
    from pipeline.training.checkpoints import Checkpoints
    from pipeline.training.curves import Curves
    from pipeline.training.loop import MethodTrainer
    from pipeline.training.low_memory import save_memory
    from pipeline.training.quantized_base import import_bitsandbytes

    (method, _), seed = parse_run(name), seed_of(name)
    precision = choose_precision(train.precision)
    import_bitsandbytes(train)
    monitor = ResourceMonitor()
    with monitor.phase("load"):
        examples = {split: read_examples(paths.tokens(split)) for split in ("train", "validation")}
        adapted, total = load_adapted(name, module, params, paths, examples["train"][:2], model, train, precision)
        save_memory(method, adapted, train, precision)
    trainable = sum(value.numel() for value in trained_parameters(adapted.network).values())
    if not trainable:
        raise InputError(f"{method}: this model has no parameter that the method trains")
    check_positions(method, adapted, itertools.chain(*(split.outlines() for split in examples.values())))
    longest = max(map(adapted.count_tokens, examples["train"].outlines()))
    sharded = choose_sharding(name, adapted.network, precision, params)
    data = processes.from_first(lambda: training_data(paths))
    setting = setting_hash(method, params, data, model, train)
    # `auto` goes by the memory that is free now, which is not the same in every process.
    train = processes.from_first(lambda: training_settings(train, longest, adapted.base_network.config, total))
    print(f"{name}: {trainable:,} trainable parameters beside {total:,}; {precision} on {device_name()}")
    key = processes.from_first(lambda: checkpoint_key(method, params, data, precision, seed, model, train, sharded))
    checkpoints = Checkpoints(paths.checkpoints / f"{name}-{key}")
    trainer = MethodTrainer(
        adapted,
        getattr(module, "Hooks", MethodHooks),
        examples["train"],
        examples["validation"],
        params=params,
        train=train,
        precision=precision,
        seed=seed,
        checkpoints=checkpoints,
        curves=Curves(f"train {name}", paths.curves(name), paths.training_speed(name)),
        monitor=monitor,
        sharded=sharded,
    )
    with monitor.phase("train"):
        progress = trainer.train()
    if sharded:
        collect_network(adapted, paths, train)
    if processes.is_first():
        save_tuned(adapted, paths.tuned_model(name))
    record = {
        "setting": setting,
        "learning_rate": params.learning_rate,
        "trainable_parameters": trainable,
        "total_parameters": total,
        **progress.report(),
        "tokens_per_second": [entry["tokens_per_second"] for entry in progress.history if "tokens_per_second" in entry],
        "non_padding_tokens": params.num_train_epochs * sum(map(adapted.count_tokens, examples["train"].outlines())),
        **of_all_processes(monitor),
        "resumed_from": trainer.resumed_from,
        "precision": precision,
        "base_weights": train.base_weights,
        "batch_size": train.batch_size,
        "sharding": "fsdp" if sharded else None,
        **environment(quantized=train.base_weights in QUANTIZED),
    }
    return record, checkpoints


def load_adapted(
    name: str,
    module: ModuleType,
    params: TrainingParams,
    paths: Paths,
    examples: list[Example],
    model: Model,
    train: Train,
    precision: str,
) -> tuple[LanguageModel, int]:
    """The base with what the method trains, on the best device, and the base's number of parameters.

    Raises InputError where the method, before it is trained, answers `examples` otherwise than the base.
    """
    import torch
    import transformers

    from pipeline.training.quantized_base import adapt, load_base

    transformers.utils.logging.set_verbosity_error()
    (method, _), seed = parse_run(name), seed_of(name)
    adapted = load_base(paths.base_model, model.architecture, train, precision)
    total = adapted.network.num_parameters()  # of 4-bit weights, which are two to a byte, both
    base = logits_of(adapted, examples)
    torch.manual_seed(seed)  # adapters start from random numbers
    adapted.network = adapt(method, module, adapted, params, seed, train)
    check_start(method, adapted, examples, base)
    adapted.network.to(best_device())
    return adapted, total


def check_positions(method: str, model: LanguageModel, examples: Iterable[dict[str, Any]]) -> None:
    """Raise InputError for an example that has more tokens than the model has positions, virtual tokens counted."""
    config, added = model.base_network.config, virtual_tokens(model.network)
    positions = model.prompt_positions(config, 0)
    longest = max(len(example["input_ids"]) for example in examples)
    if positions is not None and longest + added > positions:
        raise InputError(
            f"{method}: the longest example has {longest} tokens and the method adds {added}, but the model has "
            f"{positions} positions: lower tokenize.max_source_tokens by {longest + added - positions}"
        )


def choose_sharding(name: str, network: Any, precision: str, params: TrainingParams) -> bool:
    """Whether the launcher's FSDP shares out this network: of methods that train the whole model alone.

    Raises InputError for settings that FSDP does not train with.
    """
    if not sharding.is_asked_for():
        return False
    if not all(parameter.requires_grad for parameter in network.parameters()):
        print(f"{name}: each process has the whole model: FSDP is for methods that train all of it")
        return False
    if precision == "fp16" or params.optim == "adafactor":
        key = "train.precision=fp16" if precision == "fp16" else "optim=adafactor"
        raise InputError(f"{name}: {key} does not work with FSDP: use bf16 and adamw_torch_fused, or no FSDP")
    return True


def collect_network(model: LanguageModel, paths: Paths, train: Train) -> None:
    """Give the first process the whole network that was trained in parts, as a plain one."""
    whole = None
    if processes.is_first():
        whole = type(model).load_network(paths.base_model, train.attn_implementation)
    sharding.collect(model.network, whole)
    if whole is not None:
        model.network = whole.requires_grad_(True)


def choose_precision(setting: str) -> str:
    """The precision to train in. Raises InputError for fp16 without a CUDA device."""
    import torch

    precision = hardware_precision() if setting == "auto" else setting
    if precision == "fp16" and not torch.cuda.is_available():
        raise InputError("train.precision: 'fp16' needs a CUDA device; use auto, bf16 or fp32")
    return precision


def read_examples(path: Path) -> TokenFile:
    """input_ids and labels of a split's tokens, which stay on disk until a batch needs them."""
    return TokenFile(path)


def training_data(paths: Paths) -> list[bytes]:
    """Digests of the tokens and of the base model, which may have many gigabytes: read once for both hashes below."""
    from pipeline.training.key import digests

    return digests([paths.tokens("train"), paths.tokens("validation"), *sorted(paths.base_model.iterdir())])


def checkpoint_key(
    method: str,
    params: Any,
    data: list[bytes],
    precision: str,
    seed: int,
    model: Model,
    train: Train,
    sharded: bool = False,
) -> str:
    """The key of everything that the trained bytes depend on: a checkpoint of anything else is never continued.

    data: as `training_data` gives it. The code is this module's import closure, as in data/code/train.txt.
    """
    from pipeline.training.key import digests, hash_of

    chosen = {"pipeline.methods": method, "pipeline.models.architectures": model.architecture}
    code = [ROOT / path for path in closure("pipeline.train", chosen)]
    versions = environment(quantized=train.base_weights in QUANTIZED)
    settings = [method, params, train, model.architecture, precision, seed, sharded, versions]
    return hash_of(settings, [*digests(code), *data])


def setting_hash(method: str, params: TrainingParams, data: list[bytes], model: Model, train: Train) -> str:
    """A hash of what a training learns from, but for its seed and its learning rate: data, base model and parameters.

    Trainings with the same one are comparable tries of a search for the learning rate, on whatever machine. data: as
    `training_data` gives it.
    """
    from pipeline.training.key import hash_of

    others = {key: value for key, value in asdict(params).items() if key != "learning_rate"}
    return hash_of([method, others, train, model.architecture], data)


if __name__ == "__main__":
    run_stage(run, several_processes=True)
