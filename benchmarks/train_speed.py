"""Training steps on the shape of FLAN-T5-small: this pipeline against run_summarization.py's defaults.

    python -m benchmarks.train_speed [--data FILE.jsonl] [--steps 24] [--rounds 3]

Both train the same randomly initialized model (77 M parameters; speed does not depend on the weights' values) on the
same dialogues, in the same process, alternating. Machines are noisy, so the ratio of the medians is the result.
run_summarization.py's defaults: batches in random order, padded to the longest, fp32, sdpa attention, 8 a batch.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
from accelerate.state import AcceleratorState
from transformers import (
    DataCollatorForSeq2Seq,
    Seq2SeqTrainer,
    Seq2SeqTrainingArguments,
    T5Config,
    T5ForConditionalGeneration,
    TrainerCallback,
    set_seed,
)

from pipeline.core.params import parse_section, read_params
from pipeline.methods.base import MethodHooks
from pipeline.methods.full import Params
from pipeline.models.architectures.base import Example
from pipeline.models.architectures.seq2seq import Seq2Seq
from pipeline.models.devices import hardware_precision
from pipeline.models.loading import load_tokenizer
from pipeline.models.resource_monitor import ResourceMonitor
from pipeline.parameters.train import Train
from pipeline.training.checkpoints import Checkpoints
from pipeline.training.curves import Curves
from pipeline.training.loop import MethodTrainer
from tests import tiny

DIALOGUES = Path("data/support_calls/train.jsonl")
WARM_UP = 3  # steps that are not timed
FLAN_T5_SMALL = {
    "vocab_size": 32128,
    "d_model": 512,
    "d_kv": 64,
    "d_ff": 1024,
    "num_layers": 8,
    "num_heads": 6,
    "feed_forward_proj": "gated-gelu",
    "decoder_start_token_id": 0,
}


def random_network(attention: str) -> T5ForConditionalGeneration:
    config = T5Config(**FLAN_T5_SMALL)
    config._attn_implementation = attention
    return T5ForConditionalGeneration(config)


def read_examples(path: Path, tokenizer: Any) -> list[Example]:
    """Tokenized prompt and summary of every dialogue of a file."""
    examples = []
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        prompt = f"Summarize the following conversation.\n\n{row['dialogue']}\n\nSummary:"
        ids = tokenizer(prompt, truncation=True, max_length=512)["input_ids"]
        labels = tokenizer(row["summary"], truncation=True, max_length=128)["input_ids"]
        examples.append({"input_ids": ids, "labels": labels})
    return examples


class Stopwatch:
    """Seconds a step, from the end of the warm-up on."""

    def __init__(self) -> None:
        self.began, self.seconds_per_step = 0.0, 0.0

    def step_ended(self, step: int) -> None:
        now = time.perf_counter()
        if step == WARM_UP:
            self.began = now
        elif step > WARM_UP:
            self.seconds_per_step = (now - self.began) / (step - WARM_UP)


def time_run_summarization(examples: list[Example], tokenizer: Any, steps: int) -> float:
    """Seconds a step of run_summarization.py's defaults."""
    watch = Stopwatch()

    class Timed(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            watch.step_ended(state.global_step)

    with tempfile.TemporaryDirectory() as folder:
        arguments = Seq2SeqTrainingArguments(
            folder,
            per_device_train_batch_size=8,
            max_steps=steps,
            save_strategy="no",
            report_to=[],
            use_cpu=not torch.cuda.is_available(),
            disable_tqdm=True,
            logging_strategy="no",
        )
        model = random_network("sdpa")
        collator = DataCollatorForSeq2Seq(tokenizer, model=model)
        rows = [{**one, "attention_mask": [1] * len(one["input_ids"])} for one in examples]
        Seq2SeqTrainer(model, arguments, collator, rows, processing_class=tokenizer, callbacks=[Timed()]).train()
    return watch.seconds_per_step


def time_pipeline(examples: list[Example], tokenizer: Any, steps: int) -> float:
    """Seconds a step of the pipeline's loop with this hardware's precision, without validations and checkpoints."""
    watch = Stopwatch()

    class Finished(Exception):
        pass

    class Timed(MethodHooks):
        def after_optimizer_step(self, step: int) -> None:
            watch.step_ended(step)
            if step == steps:
                raise Finished

    values = read_params()
    params = parse_section(values["full"] | {"num_train_epochs": 1000}, Params, "full")
    settings = {"batch_size": 8, "num_evaluations": 1, "logging_steps": 10**6}
    train = parse_section(values["train"] | settings, Train, "train")
    with tempfile.TemporaryDirectory() as folder:
        trainer = MethodTrainer(
            Seq2Seq(random_network(train.attn_implementation), tokenizer),
            Timed,
            examples,
            examples[:1],
            params=params,
            train=train,
            precision=hardware_precision(),
            seed=1,
            checkpoints=Checkpoints(Path(folder) / "checkpoints"),
            curves=Curves("benchmark", Path(folder) / "curves", Path(folder) / "speed"),
            monitor=ResourceMonitor(),
        )
        try:
            trainer.train()
        except Finished:
            return watch.seconds_per_step
    raise RuntimeError(f"the training ended before step {steps}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=DIALOGUES, help="rows of dialogue and summary; default: %(default)s"
    )
    parser.add_argument("--steps", type=int, default=24, help=f"of which {WARM_UP} are not timed; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tiny.tokenizer(tiny.texts(), "seq2seq", 4096).save_pretrained(folder)
        tokenizer = load_tokenizer(Path(folder))
    examples = read_examples(options.data, tokenizer)
    runs = {"run_summarization.py": time_run_summarization, "this pipeline": time_pipeline}
    timings: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(options.rounds):
        for name, run in runs.items():
            set_seed(number)
            AcceleratorState._reset_state()  # one a process, of one precision
            timings[name].append(run(examples, tokenizer, options.steps))
            print(f"round {number + 1}: {name} {timings[name][-1]:.3f} s a step", flush=True)
    medians = {name: statistics.median(values) for name, values in timings.items()}
    ratio = medians["run_summarization.py"] / medians["this pipeline"]
    print(f"medians: {medians}; ratio {ratio:.2f} ({hardware_precision()}, {torch.get_num_threads()} threads)")


if __name__ == "__main__":
    main()
