"""Generation: batches of prompts of similar length against one prompt at a time.

    python -m benchmarks.generation_speed [--run zero_shot] [--prompts 48] [--batch-sizes 8 24 48] [--rounds 3]

Writes outputs for the first test prompts with what a run of this project left, by the same code as the stage
`generate`, alternating between the batch sizes. Says how many texts are the same as one at a time, and the ratio of the
medians. With `--shape flan_t5_base` a model of that shape with random weights writes 64 tokens for random prompts of
128 to 512: such a model is seldom sure of a token, so that fewer texts are the same. With `--busy N` the largest
batches are also timed beside N processes that never wait. Threads are those of OMP_NUM_THREADS.
"""

import argparse
import contextlib
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace

import torch
from transformers.utils import logging

from benchmarks.shapes import SHAPES, random_model
from pipeline.core import files
from pipeline.core.cli import prepare_process
from pipeline.core.params import read_section
from pipeline.core.paths import Paths
from pipeline.core.shapes import Prompt
from pipeline.inference.decoding import configure_decoding, generate_answers
from pipeline.inference.outputs import Writer, prepare_writer
from pipeline.models.devices import device_name, to_device
from pipeline.models.resource_monitor import ResourceMonitor
from pipeline.parameters.generate import Generate
from pipeline.parameters.model import Model
from pipeline.parameters.template import Template
from tests import tiny


def write(writer: Writer, batch_size: int) -> tuple[list[list[int]], float]:
    """The new token ids of every prompt, in order, and the seconds that they took."""
    config, began = configure_decoding(writer.model, writer.generate), time.perf_counter()
    precision = writer.generate.precision
    found = {
        number: answer.ids
        for number, answer, _ in generate_answers(writer.model, writer.prompts, config, batch_size, precision)
    }
    return [found[number] for number in range(len(found))], time.perf_counter() - began


def writer_of_run(run: str, prompts: int, generate: Generate) -> Writer:
    """What a run of this project left, for the first test prompts."""
    paths, model, template = Paths(), read_section("model", Model), read_section("template", Template)
    rows = files.read_jsonl(paths.prompts("test"), Prompt)[:prompts]
    return prepare_writer(run, rows, paths, model, template, generate, ResourceMonitor())


def random_writer(name: str, count: int, generate: Generate) -> Writer:
    """A model of a shape with random weights, for random prompts."""
    torch.manual_seed(0)
    rng = random.Random(0)
    model = random_model(name, tiny.tokenizer(tiny.texts(), "seq2seq", 4096))
    model.network = to_device(model.network)
    words = range(10, len(model.tokenizer))
    prompts = [rng.choices(words, k=rng.randint(128, 512)) for _ in range(count)]
    settings = replace(generate, max_new_tokens=64, batch_size=count)
    return Writer(model, [{}] * count, prompts, settings, max_source_tokens=512)


@contextlib.contextmanager
def busy_processes(count: int) -> Iterator[None]:
    """Load on the machine: each would like a core of its own."""
    started = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in started:
            process.kill()
            process.wait()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--run", default="zero_shot", help="a run that was trained, such as lora-17; default: %(default)s"
    )
    parser.add_argument("--shape", choices=SHAPES, help="random weights of this shape, instead of a run")
    parser.add_argument("--prompts", type=int, default=48)
    parser.add_argument("--batch-sizes", type=int, nargs="+", default=[8, 24, 48])
    parser.add_argument("--beams", type=int, help="default: generate.num_beams")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--busy", type=int, default=0, help="also beside so many busy processes")
    options = parser.parse_args()
    prepare_process()
    logging.set_verbosity_error()
    generate = read_section("generate", Generate)
    if options.beams:
        generate = replace(generate, num_beams=options.beams)
    if options.shape:
        writer = random_writer(options.shape, options.prompts, generate)
    else:
        writer = writer_of_run(options.run, options.prompts, generate)
    writer.warm_up()
    sizes = [1, *options.batch_sizes]
    seconds: dict[int, list[float]] = {size: [] for size in sizes}
    beside: list[float] = []
    texts: dict[int, list[list[int]]] = {}
    for number in range(options.rounds):
        for size in sizes:
            texts[size], spent = write(writer, size)
            seconds[size].append(spent)
            print(f"round {number + 1}: batches of {size}: {spent:.2f} s", flush=True)
        if options.busy:
            with busy_processes(options.busy):
                time.sleep(0.5)
                beside.append(write(writer, sizes[-1])[1])
            print(f"round {number + 1}: the same beside busy processes: {beside[-1]:.2f} s", flush=True)
    medians = {size: statistics.median(values) for size, values in seconds.items()}
    tokens = sum(map(len, texts[1]))
    for size in sizes:
        same = sum(one == other for one, other in zip(texts[size], texts[1]))
        print(
            f"batches of {size}: {medians[size]:.2f} s, {tokens / medians[size]:,.0f} tokens/s, "
            f"{medians[1] / medians[size]:.1f} times as fast as one at a time, {same} of {len(texts[1])} the same"
        )
    if beside:
        ratio = statistics.median(beside) / medians[sizes[-1]]
        print(f"beside {options.busy} busy processes: {statistics.median(beside):.2f} s, {ratio:.1f} times as long")
    name, beams = options.shape or options.run, writer.generate.num_beams
    print(f"{name}, {beams} beams, {device_name()}, {torch.get_num_threads()} threads")


if __name__ == "__main__":
    main()
