"""Memory of short trainings, as the plan has it and as the pipeline measures it.

    python -m benchmarks.plan_memory [--model FOLDER ARCHITECTURE PRECISION] [--batches 2,4,8] [--methods full,lora]
    python -m benchmarks.plan_memory --shape smollm2_135m [--base-weights 4bit] ...

Each training is three steps of the stage `train` in a process of its own, on random tokens of different lengths (up to
256 and 48), and the peak is that of its run record. Without --model or --shape: the bundled tiny_t5 in fp32, and the
shape of FLAN-T5-small with random weights in bf16. The weights of SmolLM2-135M come from
`-S experiment=support_calls_smollm2`. Where there is a GPU the peak is what torch's allocator has reserved on it.
"""

import argparse
import json
import random
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.shapes import SHAPES, random_model, shape
from benchmarks.stages import run_stage
from pipeline import methods
from pipeline.core import files
from pipeline.core.params import parse_section, read_params
from pipeline.core.paths import Paths
from pipeline.core.token_files import write_tokens
from pipeline.models.architectures.base import IGNORED, Example
from pipeline.models.devices import best_device
from pipeline.models.loading import load_config
from pipeline.parameters.train import Train
from pipeline.planning.process_memory import LOADING, process_memory
from pipeline.planning.shapes import Lengths, training_shape, validation_shape
from pipeline.planning.training_memory import training_memory
from tests import tiny

SEED, STEPS, SOURCE, TARGET = 17, 3, 256, 48
MIB = 2**20


@dataclass(frozen=True)
class Case:
    base: Path
    architecture: str
    precision: str
    method: str
    batch: int
    base_weights: str = "fp32"

    @property
    def train(self) -> dict[str, Any]:
        """The section of params.yaml."""
        changes = {"batch_size": self.batch, "precision": self.precision, "num_evaluations": 1}
        changes["base_weights"] = self.base_weights
        return read_params()["train"] | changes

    @property
    def params(self) -> dict[str, Any]:
        return read_params()[self.method] | {"num_train_epochs": 1}


def random_base(folder: Path, name: str) -> Path:
    """A shape with random weights."""
    import torch

    torch.manual_seed(0)
    tokenizer = tiny.tokenizer(tiny.texts(), "seq2seq", 4096)
    tokenizer.save_pretrained(folder)
    random_model(name, tokenizer).network.save_pretrained(folder)
    return folder


def examples(case: Case) -> list[Example]:
    """Random tokens; the first example is the longest."""
    rng = random.Random(0)

    def one(source: int, target: int) -> Example:
        ids = [rng.randrange(5, 2000) for _ in range(source)]
        labels = [rng.randrange(5, 2000) for _ in range(target)]
        if case.architecture == "seq2seq":
            return {"input_ids": ids, "labels": labels}
        return {"input_ids": ids + labels, "labels": [IGNORED] * source + labels}

    lengths = [(SOURCE, TARGET)]
    while len(lengths) < STEPS * case.batch:
        lengths.append((rng.randint(SOURCE * 2 // 5, SOURCE), rng.randint(TARGET // 3, TARGET)))
    return [one(*pair) for pair in lengths]


def measured(case: Case, folder: Path) -> dict[str, Any]:
    """The run record of a training in a process of its own."""
    paths, rows = Paths(folder), examples(case)
    paths.base_model.parent.mkdir(parents=True)
    paths.base_model.symlink_to(case.base.resolve())
    prompt = dict.fromkeys(("id", "instruction", "prompt", "completion", "source"), "x") | {"references": ["x"]}
    for split, chosen in (("train", rows), ("validation", rows[: case.batch])):
        write_tokens(paths.tokens(split), chosen)
        files.write_jsonl(paths.prompts(split), [prompt] * len(chosen))
    values = read_params() | {"train": case.train, case.method: case.params}
    values["model"] |= {"architecture": case.architecture}
    (folder / "params.yaml").write_text(json.dumps(values))
    run = f"{case.method}-{SEED}"
    run_stage("pipeline.train", run, folder)
    return json.loads(paths.training_run(run).read_text())


def planned(case: Case, imports: int) -> tuple[int, int]:
    """Bytes above the loaded model, and of the whole process; on a GPU both of the GPU."""
    rows, module, device = examples(case), methods.find(case.method), best_device()
    lengths, causal = Lengths(SOURCE, TARGET, 64, rows, rows[: case.batch]), case.architecture == "causal"
    plan = training_memory(
        load_config(case.base),
        case.architecture,
        module,
        parse_section(case.params, module.Params, case.method),
        parse_section(case.train, Train, "train"),
        case.precision,
        training_shape(lengths, case.batch, causal, SEED, 1),
        validation_shape(lengths, case.batch, causal),
        device,
    )
    beside = process_memory(device, imports, plan.activations + plan.temporary)
    total = plan.peak + beside.libraries + beside.gaps
    loaded = plan.weights + plan.added + (imports + LOADING if device == "cpu" else 0)
    return total - loaded, total


def compare(case: Case) -> None:
    with tempfile.TemporaryDirectory() as folder:
        record = measured(case, Path(folder))
    peak, imports = record["peak_mib"]["train"], record["imports_mib"]
    above, total = (count / MIB for count in planned(case, int(imports * MIB)))
    real = peak - record["model_mib"]
    name = f"{case.base.name}, {case.method}" + (f", {case.base_weights}" if case.base_weights != "fp32" else "")
    print(
        f"| {name} | {case.batch} | {real:,.0f} | {above:,.0f} | {above / real - 1:+.0%} "
        f"| {peak:,.0f} | {total:,.0f} | {total / peak - 1:+.0%} |",
        flush=True,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", nargs=3, metavar=("FOLDER", "ARCHITECTURE", "PRECISION"))
    parser.add_argument("--shape", choices=SHAPES, help="random weights of this shape in bf16")
    parser.add_argument("--base-weights", default="fp32", help="of a frozen base: fp32, bf16, 8bit, 4bit")
    parser.add_argument("--batches", help="default: 4,16,32 for tiny_t5, else 2,4,8")
    parser.add_argument("--methods", default="full,lora,prompt_tuning", help="default: %(default)s")
    options = parser.parse_args()
    print("| model, method | batch | above the model, MiB | planned | | process, MiB | planned | |")
    print("| --- | --: | --: | --: | --: | --: | --: | --: |")
    with tempfile.TemporaryDirectory() as folder:
        if options.model:
            bases = [(Path(options.model[0]), *options.model[1:], "2,4,8")]
        elif options.shape:
            architecture = "seq2seq" if shape(options.shape).is_encoder_decoder else "causal"
            bases = [(random_base(Path(folder) / options.shape, options.shape), architecture, "bf16", "2,4,8")]
        else:
            flan = random_base(Path(folder) / "flan_t5_small", "flan_t5_small")
            bases = [(Path("models/tiny_t5"), "seq2seq", "fp32", "4,16,32"), (flan, "seq2seq", "bf16", "2,4,8")]
        for base, architecture, precision, batches in bases:
            for method in options.methods.split(","):
                for batch in (options.batches or batches).split(","):
                    compare(Case(base, architecture, precision, method, int(batch), options.base_weights))


if __name__ == "__main__":
    main()
