"""Training steps on the shape of FLAN-T5-small: this pipeline against run_summarization.py's defaults.

    python -m benchmarks.train_speed [--data FILE.jsonl] [--steps 24] [--rounds 3]

Both train the same randomly initialized model (77 M parameters; speed does not depend on the weights' values) on the
same dialogues, in the same process, turn by turn; the ratio of medians is what counts, for machines are noisy.
run_summarization.py's defaults: batches in random order, padded to the longest, fp32, sdpa attention, 8 a batch.
"""

import argparse
import json
import statistics
import tempfile
import time
from pathlib import Path

import torch
from pipeline.training.trainer import Tuner, arguments
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
from pipeline.methods import full
from pipeline.models import families, resource_monitor
from pipeline.train import Train, hardware_precision
from pipeline.training.curves import Watch
from tests import tiny

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


def network(attention: str):
    config = T5Config(**FLAN_T5_SMALL)
    config._attn_implementation = attention
    return T5ForConditionalGeneration(config)


def examples(path: Path | None, tokenizer) -> list[dict]:
    """Tokenized prompt and summary of every dialogue of a file, or of the bundled ones."""
    path = path or Path("data/support/train.jsonl")
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    made = []
    for row in rows:
        prompt = f"Summarize the following conversation.\n\n{row['dialogue']}\n\nSummary:"
        ids = tokenizer(prompt, truncation=True, max_length=512)["input_ids"]
        labels = tokenizer(row["summary"], truncation=True, max_length=128)["input_ids"]
        made.append({"input_ids": ids, "attention_mask": [1] * len(ids), "labels": labels})
    return made


class Stopwatch(TrainerCallback):
    """Seconds and real tokens from the end of the third step on."""

    def __init__(self):
        self.begin = None
        self.seconds = 0.0
        self.steps = 0

    def on_step_end(self, args, state, control, **kwargs):
        if state.global_step == 3:
            self.begin = time.perf_counter()
        elif self.begin:
            self.seconds = time.perf_counter() - self.begin
            self.steps = state.global_step - 3
        return control


def theirs(rows: list[dict], tokenizer, steps: int) -> float:
    """Seconds a step of run_summarization.py's defaults."""
    with tempfile.TemporaryDirectory() as folder:
        args = Seq2SeqTrainingArguments(
            folder,
            per_device_train_batch_size=8,
            max_steps=steps,
            save_strategy="no",
            report_to=[],
            use_cpu=not torch.cuda.is_available(),
            disable_tqdm=True,
            logging_strategy="no",
        )
        model = network("sdpa")
        watch = Stopwatch()
        collator = DataCollatorForSeq2Seq(tokenizer, model=model)
        trainer = Seq2SeqTrainer(model, args, collator, rows, processing_class=tokenizer, callbacks=[watch])
        trainer.train()
        return watch.seconds / watch.steps


def ours(rows: list[dict], tokenizer, steps: int) -> float:
    """Seconds a step of pipeline.trainer with this hardware's precision."""
    values = read_params()
    params = parse_section(values["full"] | {"num_train_epochs": 1000}, full.Params, "full")
    settings = parse_section(values["train"] | {"batch_size": 8, "precision": "auto"}, Train, "train")
    with tempfile.TemporaryDirectory() as folder:
        args = arguments(Path(folder), params, settings, hardware_precision(), 1, len(rows))
        args.max_steps, args.save_strategy, args.load_best_model_at_end = steps, "no", False
        args.eval_strategy, args.logging_strategy = "no", "no"
        tuner = Tuner(
            network(settings.attn_implementation),
            args,
            tokenizer,
            rows,
            rows[:1],
            "seq2seq",
            resource_monitor.Meter(),
            Watch("benchmark", Path(folder) / "curves", Path(folder) / "speed"),
        )
        tuner.callback_handler.callbacks = [
            callback for callback in tuner.callback_handler.callbacks if type(callback).__name__ != "Evenly"
        ]
        watch = Stopwatch()
        tuner.add_callback(watch)
        tuner.train()
        return watch.seconds / watch.steps


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="JSON Lines with dialogue and summary; the bundled ones by default")
    parser.add_argument("--steps", type=int, default=24)
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        tiny.tokenizer(tiny.texts(), "seq2seq", 4096).save_pretrained(folder)
        tokenizer = families.load_tokenizer(Path(folder))
    rows = examples(options.data, tokenizer)
    timings = {"run_summarization.py": [], "this pipeline": []}
    for number in range(options.rounds):
        for name, run in (("run_summarization.py", theirs), ("this pipeline", ours)):
            set_seed(number)
            timings[name].append(run(rows, tokenizer, options.steps))
            print(f"round {number + 1}: {name} {timings[name][-1]:.3f} s a step", flush=True)
    medians = {name: statistics.median(values) for name, values in timings.items()}
    ratio = medians["run_summarization.py"] / medians["this pipeline"]
    print(f"medians: {medians}; ratio {ratio:.2f} ({hardware_precision()}, {torch.get_num_threads()} threads)")


if __name__ == "__main__":
    main()
