"""One summary for every test dialogue, written by what a method trained.

    python -m pipeline.generate METHOD PROMPTS BASE TUNED PREDICTIONS RECORD     (as in dvc.yaml)

Prompts of similar length share a batch; a batch that does not fit in memory is halved, and the run goes on.
"""

import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from pipeline import template
from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.params import section
from pipeline.core.progress import progress
from pipeline.inference.latency import Speed, spread, timed
from pipeline.models import families, resource_monitor
from pipeline.parameters.model import Model
from pipeline.parameters.types import Count
from pipeline.tokenize import Tokenize, encode_prompt, token_ids


@section
class Search:
    """How the next token is chosen; names as in transformers.GenerationConfig."""

    max_new_tokens: Count
    num_beams: Count
    no_repeat_ngram_size: Annotated[int, Field(ge=0)]
    length_penalty: float


@section
class Generate(Search):
    batch_size: Count
    merge: bool
    precision: Literal["fp32", "bf16"]
    speed: Speed


def run(
    method: str,
    prompts: Path,
    base: Path,
    tuned: Path,
    predictions: Path,
    record: Path,
    *,
    model: Model,
    tokenize: Tokenize,
    generate: Generate,
):
    import torch

    clock = resource_monitor.Meter()
    with clock.phase("load"):
        tokenizer = families.load_tokenizer(base)
        network = place(families.load_tuned(base, tuned, model.arch, generate.merge))
    demonstrations = tuned / "demonstrations.jsonl"
    shown = files.read_jsonl(demonstrations) if demonstrations.exists() else []
    rows = files.read_jsonl(prompts / "test.jsonl")
    inputs = [encode(row, shown, tokenizer, model, tokenize.max_source_tokens) for row in rows]
    config = generation_config(tokenizer, network, generate)
    answers: dict[int, tuple[list[int], bool, int]] = {}
    with clock.phase("warm-up"):
        shortest = min(range(len(inputs)), key=lambda number: len(inputs[number]))
        list(batches(network, tokenizer, [inputs[shortest]], config, 1, model.arch, generate.precision))
    with clock.phase("generate"):
        answered = batches(network, tokenizer, inputs, config, generate.batch_size, model.arch, generate.precision)
        for number, answer in progress(answered, len(inputs), f"generate {method}"):
            answers[number] = answer
    with clock.phase("speed"):
        speed = inference(network, base, tuned, tokenizer, inputs, model, generate)
    smallest = min((size for *_, size in answers.values()), default=generate.batch_size)
    out = []
    for number, row in enumerate(rows):
        ids, ended, _ = answers[number]
        text = tokenizer.decode(ids, skip_special_tokens=True).strip()
        out.append(
            {
                "id": row["id"],
                "prediction": text,
                "references": row["references"],
                "tokens": len(ids),
                "ended": ended,
            }
        )
    if not any(row["prediction"] for row in out):
        raise InputError(f"{method}: every one of {len(out)} summaries is empty; nothing was learned or loaded")
    files.write_jsonl(predictions, out)
    files.write_json(
        record,
        {
            "method": method,
            "dialogues": len(out),
            "new_tokens": sum(row["tokens"] for row in out),
            "prompt_tokens": sum(map(len, inputs)),
            "extra_prompt_tokens": extra_prompt_tokens(network, rows, inputs, tokenizer, model, tokenize),
            "batch_size": smallest,
            "speed": speed,
            **clock.report(),
            "device": resource_monitor.device(),
            "threads": torch.get_num_threads(),
            "versions": resource_monitor.versions(),
        },
    )
    print(f"{method}: {len(out)} summaries in {clock.seconds['generate']:.1f} s; the first: {out[0]['prediction']}")


def inference(network, base: Path, tuned: Path, tokenizer, inputs: list[list[int]], model: Model, settings: Generate):
    """Seconds and tokens per second of some of the prompts, one by one and in a batch; an adapter both ways."""
    lengths = list(map(len, inputs))
    single, batch = (
        [inputs[at] for at in spread(lengths, count)] for count in (settings.speed.dialogues, settings.batch_size)
    )
    variants = {"as it is": network}
    if settings.merge and families.mergeable(unmerged := families.load_tuned(base, tuned, model.arch, merge=False)):
        variants = {"merged": network, "unmerged": place(unmerged)}
    found = {}
    for name, one in variants.items():
        config = generation_config(tokenizer, one, settings)

        def answers(prompts, size, one=one, config=config):
            answered = batches(one, tokenizer, prompts, config, size, model.arch, settings.precision)
            return (ids for _, (ids, _, _) in answered)

        found[f"{name}, batch 1"] = timed(partial(answers, single, 1), settings.speed.rounds)
        if len(batch) > 1:
            found[f"{name}, batch {len(batch)}"] = timed(partial(answers, batch, len(batch)), rounds=1, warm=True)
    return {"dialogues": len(single), **found}


def extra_prompt_tokens(
    network, rows: list[dict], inputs: list[list[int]], tokenizer, model: Model, tokenize: Tokenize
):
    """Mean tokens that a method puts into every prompt: worked examples, soft tokens."""
    plain = sum(len(encode(row, [], tokenizer, model, tokenize.max_source_tokens)) for row in rows)
    return round((sum(map(len, inputs)) - plain) / len(rows) + families.virtual_tokens(network), 1)


def encode(row: dict, shown: list[dict], tokenizer, model: Model, limit: int) -> list[int]:
    """A prompt's ids with worked examples in front; the limit is the prompt's own, the examples come on top."""
    ids, cut = encode_prompt(row["prompt"], row["dialogue"], tokenizer, model, limit)
    if not shown:
        return ids
    chat = tokenizer if model.chat else None
    text = template.assemble(shown, row["instruction"], chat)
    whole = len(token_ids(text, tokenizer, model)["input_ids"])
    return encode_prompt(text, row["dialogue"], tokenizer, model, whole - cut)[0]


def place(network):
    """The model on the fastest device there is, ready to generate."""
    import torch

    return network.eval().to(
        "cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu"
    )


def generation_config(tokenizer, network, settings: Search):
    """Every setting of the search said outright; of what the checkpoint brings along, only its end tokens count.

    A chat model may end its turn with another token than the tokenizer's.
    """
    from transformers import GenerationConfig

    inner = getattr(network, "get_base_model", lambda: network)()
    ends = inner.generation_config.eos_token_id
    ends = {tokenizer.eos_token_id, *(ends if isinstance(ends, list) else [ends])} - {None}
    config = GenerationConfig(
        max_new_tokens=settings.max_new_tokens,
        num_beams=settings.num_beams,
        no_repeat_ngram_size=settings.no_repeat_ngram_size,
        length_penalty=settings.length_penalty if settings.num_beams > 1 else 1.0,  # of beams alone; else it warns
        do_sample=False,
        eos_token_id=sorted(ends),
        pad_token_id=tokenizer.pad_token_id,
        decoder_start_token_id=getattr(network.config, "decoder_start_token_id", None),
    )
    network.generation_config = inner.generation_config = config  # generate() fills gaps from the model's own
    return config


def batches(
    network, tokenizer, inputs: list[list[int]], config, batch_size: int, arch: str, precision: str
) -> Iterator[tuple[int, tuple[list[int], bool, int]]]:
    """(number, (new token ids without the end token, whether it ended, batch size)) for each prompt, longest first."""
    import torch
    from accelerate.utils.memory import should_reduce_batch_size

    tokenizer.padding_side = families.generation_padding(arch)
    order = sorted(range(len(inputs)), key=lambda number: (-len(inputs[number]), number))
    device, ends = next(network.parameters()).device, set(config.eos_token_id)
    while order:
        chunk = order[:batch_size]
        batch = tokenizer.pad({"input_ids": [inputs[number] for number in chunk]}, return_tensors="pt").to(device)
        autocast = torch.autocast(device.type, torch.bfloat16, enabled=precision == "bf16")
        try:
            with torch.inference_mode(), autocast:
                output = families.generate(network, batch, config, arch)
        except RuntimeError as error:
            if batch_size == 1 or not (should_reduce_batch_size(error) or "can't allocate memory" in str(error)):
                raise
            output = None
        if output is None:  # outside `except`, whose traceback keeps the batch's tensors alive
            batch_size = math.ceil(batch_size / 2)
            if device.type == "cuda":
                torch.cuda.empty_cache()
            print(f"out of memory: going on with batches of {batch_size}")
            continue
        for number, ids in zip(chunk, output.tolist()):
            length = next((at for at, token in enumerate(ids) if token in ends), len(ids))
            yield number, (ids[:length], length < len(ids), batch_size)
        order = order[batch_size:]


if __name__ == "__main__":
    run_stage(run)
