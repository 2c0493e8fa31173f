"""Training steps: this pipeline against run_summarization.py's defaults, and against a bare matrix product.

    python -m benchmarks.train_speed [--shape flan_t5_small] [--method full] [--data FILE.jsonl] [--steps 24]

Both train the same randomly initialized model on the same dialogues, in the same process, alternating. Machines are
noisy, so the ratio of the medians is the result. run_summarization.py's defaults: batches in random order, padded to
the longest, fp32, sdpa attention, 8 a batch. With another method than full, both train the same adapter.

The share of a matrix product: floating-point operations a second that the training needs for its tokens (padding is no
work), over those of a bare product of the same precision with the sizes of a feed-forward layer. On a GPU it is about
what others call model FLOPs utilization, against what the GPU reaches rather than what its maker says.

With `--profile` a table says what the timed steps of one more round spend their time on (torch's profiler).
"""

import argparse
import json
import random
import re
import statistics
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from accelerate.state import AcceleratorState
from torch.profiler import profile
from torch.utils.flop_counter import FlopCounterMode
from transformers import DataCollatorForSeq2Seq, Seq2SeqTrainer, Seq2SeqTrainingArguments, TrainerCallback, set_seed

from benchmarks.shapes import SHAPES, random_model, shape, widths
from pipeline import methods
from pipeline.core.cli import prepare_process
from pipeline.core.params import parse_section, read_params
from pipeline.methods.base import MethodHooks
from pipeline.models.architectures.base import Example, LanguageModel
from pipeline.models.architectures.causal import Causal
from pipeline.models.architectures.seq2seq import Seq2Seq
from pipeline.models.devices import best_device, hardware_precision
from pipeline.models.loading import load_tokenizer
from pipeline.models.resource_monitor import ResourceMonitor
from pipeline.parameters.train import Train
from pipeline.training.checkpoints import Checkpoints
from pipeline.training.curves import Curves
from pipeline.training.loop import MethodTrainer
from tests import tiny

DIALOGUES = Path("data/support_calls/train.jsonl")
WARM_UP = 3  # steps that are not timed


@dataclass(frozen=True)
class Case:
    """What is trained: a shape, a method of the pipeline, and tokenized examples."""

    shape: str
    method: str
    examples: list[Example]
    tokenizer: Any

    def model(self, attention: str) -> LanguageModel:
        """A model with the method's adapter."""
        model = random_model(self.shape, self.tokenizer, attention)
        model.network.requires_grad_(False)
        model.network = methods.find(self.method).adapt(model, self.params(), 1)
        return model

    def params(self) -> Any:
        values = read_params()[self.method] | {"num_train_epochs": 1000}
        return parse_section(values, methods.find(self.method).Params, self.method)


def read_examples(path: Path, model: type[LanguageModel], tokenizer: Any) -> list[Example]:
    """Tokenized prompt and summary of every dialogue of a file."""
    examples, encoder = [], model(None, tokenizer)
    for line in path.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        prompt = f"Summarize the following conversation.\n\n{row['dialogue']}\n\nSummary:"
        ids = tokenizer(prompt, truncation=True, max_length=512)["input_ids"]
        summary = row["summary"] if "summary" in row else row["references"][0]
        labels = tokenizer(summary, truncation=True, max_length=128)["input_ids"]
        examples.append(encoder.encode_example(ids, labels[:-1], labels[-1]))
    return examples


def random_examples(count: int, length: int, tokenizer: Any, model: type[LanguageModel]) -> list[Example]:
    """Examples of one length: prompts of `length` random tokens, outputs of a quarter of it."""
    rng, encoder = random.Random(0), model(None, tokenizer)
    words = range(10, len(tokenizer))
    return [
        encoder.encode_example(rng.choices(words, k=length), rng.choices(words, k=length // 4), tokenizer.eos_token_id)
        for _ in range(count)
    ]


class Stopwatch:
    """Seconds a step, from the end of the warm-up to the last of `steps`; profiler: started there too."""

    def __init__(self, steps: int, profiler: profile | None = None) -> None:
        self.steps, self.profiler = steps, profiler
        self.began, self.seconds_per_step = 0.0, 0.0

    def step_ended(self, step: int) -> None:
        if step == WARM_UP:
            wait_for_device()
            self.began = time.perf_counter()
            if self.profiler:
                self.profiler.start()
        elif step == self.steps:
            wait_for_device()
            self.seconds_per_step = (time.perf_counter() - self.began) / (step - WARM_UP)


def time_run_summarization(case: Case, batch_size: int, steps: int, profiler: profile | None = None) -> float:
    """Seconds a step of run_summarization.py's defaults."""
    watch = Stopwatch(steps, profiler)

    class Timed(TrainerCallback):
        def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
            watch.step_ended(state.global_step)

    with tempfile.TemporaryDirectory() as folder:
        arguments = Seq2SeqTrainingArguments(
            folder,
            per_device_train_batch_size=batch_size,
            max_steps=steps,
            save_strategy="no",
            report_to=[],
            use_cpu=not torch.cuda.is_available(),
            disable_tqdm=True,
            logging_strategy="no",
        )
        network = case.model("sdpa").network
        collator = DataCollatorForSeq2Seq(case.tokenizer, model=network)
        rows = [{**one, "attention_mask": [1] * len(one["input_ids"])} for one in case.examples]
        Seq2SeqTrainer(network, arguments, collator, rows, processing_class=case.tokenizer, callbacks=[Timed()]).train()
    return watch.seconds_per_step


def time_pipeline(case: Case, batch_size: int, steps: int, profiler: profile | None = None) -> float:
    """Seconds a step of the pipeline's loop with this hardware's precision, without validations and checkpoints."""
    watch = Stopwatch(steps, profiler)

    class Finished(Exception):
        pass

    class Timed(MethodHooks):
        def after_optimizer_step(self, step: int) -> None:
            watch.step_ended(step)
            if step == steps:
                raise Finished

    settings = {"batch_size": batch_size, "num_evaluations": 1, "logging_steps": 10**6}
    train = parse_section(read_params()["train"] | settings, Train, "train")
    with tempfile.TemporaryDirectory() as folder:
        trainer = MethodTrainer(
            case.model(train.attn_implementation),
            Timed,
            case.examples,
            case.examples[:1],
            params=case.params(),
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


# Operators by what they are for; the rest is "other".
KINDS = {
    "matrix products": r"mm|addmm|linear|matmul|mkldnn_linear.*",
    "products of attention": r"bmm|baddbmm|.*scaled_dot_product.*",
    "random numbers of dropout": r"bernoulli_|native_dropout|rand.*",
    "copies, between precisions too": r"copy_|_to_copy|clone|contiguous",
    "softmax and cross entropy": r".*softmax.*|nll_loss.*|cross_entropy.*",
    "embeddings": r"embedding.*|index.*",
    "optimizer and gradient norm": r"_fused_adam.*|_foreach.*|linalg_vector_norm|lerp_|addcmul_|addcdiv_",
    "element by element": r"mul_?|add_?|sub|div_?|gelu.*|silu.*|relu.*|pow|rsqrt|mean|sum|tanh.*|neg|where|masked_.*",
}


def spent_by_kind(profiler: profile) -> dict[str, float]:
    """Kind of operator -> its share of the profiled time in percent, the largest first."""
    seconds = dict.fromkeys([*KINDS, "other"], 0.0)
    for event in profiler.key_averages():
        name = event.key.rpartition("::")[2]
        kind = next((kind for kind, pattern in KINDS.items() if re.fullmatch(pattern, name)), "other")
        seconds[kind] += event.self_device_time_total if torch.cuda.is_available() else event.self_cpu_time_total
    total = sum(seconds.values())
    return {kind: 100 * value / total for kind, value in sorted(seconds.items(), key=lambda item: -item[1])}


def needed_flops(case: Case) -> float:
    """Floating-point operations for a token of an example of middling length, forward and backward."""
    model = case.model("eager")  # the counter knows eager attention everywhere
    model.network.to(best_device())
    ordered = sorted(case.examples, key=lambda one: len(one["input_ids"]))
    batch = model.collate([ordered[len(ordered) // 2]]).to(best_device())
    with FlopCounterMode(display=False) as counter:
        total, _ = model.loss(batch)
        total.backward()
    return counter.get_total_flops() / int(model.count_batch_tokens(batch))


def product_flops(case: Case, batch_size: int) -> float:
    """Floating-point operations a second of a bare matrix product, the best of several; precision of the hardware."""
    kind = {"fp32": torch.float32, "bf16": torch.bfloat16}[hardware_precision()]
    length = statistics.mean(len(one["input_ids"]) for one in case.examples)
    rows, (width, inner) = round(batch_size * length), widths(shape(case.shape))
    left = torch.randn(rows, width, dtype=kind, device=best_device())
    right = torch.randn(width, inner, dtype=kind, device=best_device())
    seconds = []
    for _ in range(20):
        wait_for_device()
        began = time.perf_counter()
        for _ in range(10):
            left @ right
        wait_for_device()
        seconds.append((time.perf_counter() - began) / 10)
    return 2 * rows * width * inner / min(seconds)


def wait_for_device() -> None:
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shape", choices=SHAPES, default="flan_t5_small")
    parser.add_argument("--method", default="full", help="full, lora, prompt_tuning, ...; default: %(default)s")
    parser.add_argument(
        "--data", type=Path, default=DIALOGUES, help="rows of dialogue and summary; default: %(default)s"
    )
    parser.add_argument("--length", type=int, help="random prompts of so many tokens, instead of a file")
    parser.add_argument("--alone", action="store_true", help="this pipeline alone, without run_summarization.py")
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--steps", type=int, default=24, help=f"of which {WARM_UP} are not timed; default: %(default)s")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--profile", action="store_true", help="also what the steps spend their time on")
    options = parser.parse_args()
    prepare_process()
    seq2seq = shape(options.shape).is_encoder_decoder
    with tempfile.TemporaryDirectory() as folder:
        tiny.tokenizer(tiny.texts(), "seq2seq", 4096).save_pretrained(folder)
        tokenizer = load_tokenizer(Path(folder))
    family: type[LanguageModel] = Seq2Seq if seq2seq else Causal
    if options.length:
        examples = random_examples(options.batch_size * options.steps, options.length, tokenizer, family)
    else:
        examples = read_examples(options.data, family, tokenizer)
    case = Case(options.shape, options.method, examples, tokenizer)
    runs = {"run_summarization.py": time_run_summarization, "this pipeline": time_pipeline}
    if options.alone:
        del runs["run_summarization.py"]
    timings: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(options.rounds):
        for name, run in runs.items():
            set_seed(number)
            AcceleratorState._reset_state()  # one a process, of one precision
            timings[name].append(run(case, options.batch_size, options.steps))
            print(f"round {number + 1}: {name} {timings[name][-1]:.3f} s a step", flush=True)
    medians = {name: statistics.median(values) for name, values in timings.items()}
    ratio = "" if options.alone else f"; ratio {medians['run_summarization.py'] / medians['this pipeline']:.2f}"
    print(f"{options.shape}, {options.method}, batches of {options.batch_size}: medians {medians}{ratio}")
    tokens = options.batch_size * statistics.mean(map(family(None, tokenizer).count_tokens, examples))
    reached = needed_flops(case) * tokens / medians["this pipeline"]
    product = product_flops(case, options.batch_size)
    print(f"{tokens / medians['this pipeline']:,.0f} tokens/s ({best_device()}, {torch.get_num_threads()} threads)")
    print(
        f"{reached / 1e9:,.0f} GFLOP/s of the {product / 1e9:,.0f} of a bare {hardware_precision()} product: "
        f"{reached / product:.0%}"
    )
    for name, run in runs.items() if options.profile else ():
        AcceleratorState._reset_state()
        profiler = profile()
        run(case, options.batch_size, options.steps, profiler)
        profiler.stop()
        shares = ", ".join(f"{kind} {share:.0f} %" for kind, share in spent_by_kind(profiler).items())
        print(f"{name}: {shares}")


if __name__ == "__main__":
    main()
