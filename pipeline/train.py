"""Train one method on the tokens and keep what it learned, its loss curve and what it cost.

    python -m pipeline.train METHOD PROMPTS TOKENS BASE OUTPUT CURVES SPEED RECORD     (as in dvc.yaml)

Killed at any moment, the next run goes on from the last checkpoint in models/checkpoints/ and ends with the same bytes
(on a CPU; CUDA's own kernels may differ in the last bit).
"""

import hashlib
import json
import shutil
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from pipeline import methods
from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.params import read_section, section
from pipeline.models import families, resource_monitor
from pipeline.parameters.model import Model
from pipeline.parameters.types import Count, Precision, Seed

CHECKPOINTS = Path("models/checkpoints")


@section
class Train:
    batch_size: Count
    gradient_accumulation_steps: Count
    evaluations: Count
    logging_steps: Count
    max_grad_norm: Annotated[float, Field(gt=0)]
    precision: Precision
    attn_implementation: Literal["eager", "sdpa"]


def run(
    method: str,
    prompts: Path,
    tokens: Path,
    base: Path,
    output: Path,
    curves: Path,
    speed: Path,
    record: Path,
    *,
    seed: Seed,
    model: Model,
    train: Train,
):
    chosen = methods.find(method)
    params = read_section(method, chosen.Params)
    output.mkdir(parents=True, exist_ok=True)
    if hasattr(chosen, "adapt"):
        cost, checkpoints = fit(
            chosen, params, tokens, base, output, curves, speed, seed=seed, model=model, train=train
        )
    else:
        shown = getattr(chosen, "demonstrations", lambda *_: [])(
            files.read_jsonl(prompts / "train.jsonl"), params, seed
        )
        files.write_jsonl(output / "demonstrations.jsonl", shown)
        for folder in (curves, speed):
            files.write_json(folder / "metrics.json", {})
        cost, checkpoints = {"trainable_parameters": 0, "total_parameters": families.count_parameters(base)}, None
    cost["base_bytes"] = sum(path.stat().st_size for path in base.glob("*.safetensors"))
    cost["bytes"] = sum(path.stat().st_size for path in output.rglob("*") if path.is_file())
    files.write_json(record, {"method": method, **cost})
    if checkpoints:  # only now: killed before this line, the next run still has them
        done = checkpoints.rename(checkpoints.with_suffix(".done"))  # at once, so that a kill leaves no half of it
        shutil.rmtree(done)


def fit(
    chosen,
    params,
    tokens: Path,
    base: Path,
    output: Path,
    curves: Path,
    speed: Path,
    *,
    seed: int,
    model: Model,
    train: Train,
):
    """Save the best weights to `output`, what Watch logs beside; the run record and the checkpoints' folder."""
    import torch
    import transformers

    from pipeline.training.curves import Watch
    from pipeline.training.trainer import Tuner, arguments, total_steps

    method = chosen.__name__.rpartition(".")[2]
    precision = hardware_precision() if train.precision == "auto" else train.precision
    if precision == "fp16" and not torch.cuda.is_available():
        raise InputError("train.precision: 'fp16' needs a CUDA device; use auto, bf16 or fp32")
    transformers.set_seed(seed)
    transformers.utils.logging.set_verbosity_error()
    clock = resource_monitor.Meter()
    with clock.phase("load"):
        tokenizer = families.load_tokenizer(base)
        network = families.load_model(base, model.arch, train.attn_implementation)
        total = sum(parameter.numel() for parameter in network.parameters())
        network = chosen.adapt(network.requires_grad_(False), tokenizer, params, model.arch, seed)
        train_rows = files.read_tokens(tokens / "train.parquet")
        validation_rows = files.read_tokens(tokens / "validation.parquet")
    trainable = sum(parameter.numel() for parameter in network.parameters() if parameter.requires_grad)
    print(f"{method}: {trainable:,} trainable parameters beside {total:,}; {precision} on {resource_monitor.device()}")

    folder = CHECKPOINTS / f"{method}-{fingerprint(params, tokens, base, precision, seed, model, train, method)}"
    companion = getattr(chosen, "Companion", methods.Companion)
    tuner = Tuner(
        network,
        arguments(folder, params, train, precision, seed, len(train_rows)),
        tokenizer,
        train_rows,
        validation_rows,
        model.arch,
        clock,
        Watch(f"train {method}", curves, speed),
        companion(network, params, total_steps(params, train, len(train_rows))),
    )
    resumed = tuner.last_checkpoint()
    if resumed:
        print(f"{method}: going on from {resumed}")
    with clock.phase("train"):
        tuner.train(resume_from_checkpoint=resumed)
    save(network, tokenizer, output)
    epoch_tokens = sum(families.real_tokens(row, model.arch) for row in train_rows)
    cost = {
        "trainable_parameters": trainable,
        "total_parameters": total,
        "steps": tuner.state.max_steps,
        "best_step": tuner.state.best_global_step,
        "best_validation_loss": tuner.state.best_metric,
        "seconds_to_best": tuner.seconds_to_best(),
        "real_tokens": epoch_tokens * params.num_train_epochs,
        **clock.report(),
        "resumed_from": resumed and Path(resumed).name,
        "precision": precision,
        "device": resource_monitor.device(),
        "threads": torch.get_num_threads(),
        "versions": resource_monitor.versions(),
    }
    return cost, folder


def hardware_precision() -> str:
    """bf16 where the hardware multiplies it natively, else fp32; never fp16, in which T5 overflows."""
    import torch

    if torch.cuda.is_available():
        return "bf16" if torch.cuda.is_bf16_supported(including_emulation=False) else "fp32"
    return "bf16" if torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported() else "fp32"


def fingerprint(params, tokens: Path, base: Path, precision: str, seed: int, model: Model, train: Train, method: str):
    """A hash of all that the trained bytes depend on: a checkpoint of anything else is never gone on from."""
    import torch

    digest = hashlib.sha256()
    machine = [resource_monitor.device(), torch.get_num_threads(), resource_monitor.versions()]
    digest.update(json.dumps([method, repr(params), repr(train), model.arch, precision, seed, machine]).encode())
    code = [Path(__file__).with_name(name) for name in ("train.py", "trainer.py", "families.py")]
    code += [Path(methods.__file__), Path(methods.find(method).__file__)]
    data = [tokens / "train.parquet", tokens / "validation.parquet", *sorted(base.iterdir())]
    for path in code + data:
        with path.open("rb") as content:
            digest.update(hashlib.file_digest(content, "sha256").digest())
    return digest.hexdigest()[:16]


def save(network, tokenizer, output: Path) -> None:
    """A whole model with its tokenizer, or an adapter; the same weights give the same bytes."""
    from peft import PeftModel

    if not isinstance(network, PeftModel):
        network.save_pretrained(output)
        tokenizer.save_pretrained(output)
        return
    # save_embedding_layers would ask the hub whether the base's vocabulary was resized.
    network.save_pretrained(output, save_embedding_layers=False)
    (output / "README.md").unlink(missing_ok=True)
    config = json.loads((output / "adapter_config.json").read_text())
    config = {key: sorted(value) if isinstance(value, list) else value for key, value in config.items()}
    files.write_json(output / "adapter_config.json", dict(sorted(config.items())))


if __name__ == "__main__":
    run_stage(run)
