"""What inference costs with every method: all of them in one process, in interleaved rounds.

    python -m pipeline.measure

Of each method the training with the first seed is measured. All write the same number of tokens for the same examples,
one prompt at a time and in one full batch. LoRA is measured merged and unmerged. Methods that compute the same (the
base, full fine-tuning, merged LoRA) are a control: what differs between them is noise. Where there are no two of them,
one method is measured twice.
"""

from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.contention import Usage, busy_reason, recent_pressure
from pipeline.core.paths import Paths
from pipeline.core.runs import run_names
from pipeline.core.shapes import Prompt, TokenLimits
from pipeline.inference.decoding import free_positions
from pipeline.inference.latency import Variant, measure_rounds, new_tokens
from pipeline.inference.tuned_prompts import encode_prompts, load_on_device, worked_examples
from pipeline.models.architectures.base import LanguageModel
from pipeline.models.chat import Chat, chat_settings
from pipeline.models.devices import environment
from pipeline.models.limits import fit_together, generation_settings, read_limits
from pipeline.models.loading import count_parameters, load_config
from pipeline.models.tuned import is_merged, is_tuned_with_peft
from pipeline.parameters.generate import Generate
from pipeline.parameters.model import Model
from pipeline.parameters.runs import SeedsOf
from pipeline.parameters.template import Template


def run(
    paths: Paths, *, methods: list[str], seeds_of: SeedsOf, model: Model, template: Template, generate: Generate
) -> None:
    pressure, limits, chat = recent_pressure(), read_limits(paths), chat_settings(model, template)
    with files.explain_damage(paths.base_model):
        parameters, config = count_parameters(paths.base_model), load_config(paths.base_model)
    generate = generation_settings(generate, limits, config, parameters)
    rows = files.read_jsonl(paths.prompts("test"), Prompt)
    together = fit_together(parameters, 2 * len(methods) + 1)
    if not together:
        print("all models together do not fit into memory: each is loaded again in every round")
    variants = []
    for method in methods:
        first, *_ = run_names(method, seeds_of[method])
        folder = paths.tuned_model(first)
        variants += method_variants(method, folder, paths.base_model, model, chat, generate, rows, limits, together)
    control = add_control(variants)
    began = Usage.now()
    batch_size = measure_rounds(variants, generate, together) if variants else 0
    contention = (Usage.now() - began).contention()
    record = {
        "rounds": generate.latency.rounds,
        "prompts": min(generate.latency.prompts, len(rows)),
        "batch_size": batch_size,
        "new_tokens": new_tokens(generate),
        "num_beams": generate.num_beams,
        "together": together,
        "control": control,
        "pressure_before": pressure,
        "contention": contention,
        "variants": [variant_record(variant) for variant in variants],
        **environment(),
    }
    files.write_json(paths.inference_run, record)
    print(f"{len(variants)} ways to write {record['new_tokens']} tokens, {record['rounds']} rounds: {contention}")
    if reason := busy_reason(contention):
        print(f"warning: measured on a busy machine ({reason}); measure again with `dvc repro -f -s measure`")


def method_variants(
    method: str,
    folder: Path,
    base: Path,
    model: Model,
    chat: Chat | None,
    generate: Generate,
    rows: list[dict[str, Any]],
    limits: TokenLimits,
    together: bool,
) -> list[Variant]:
    """How what a method left in `folder` can be served: as it is, or merged and unmerged.

    together: the models are kept, and not loaded again in every round.
    """
    load = partial(load_on_device, base, folder, model.architecture, chat)
    tuned, examples = load(generate.merge), worked_examples(folder)
    positions = free_positions(tuned, generate.max_new_tokens, "generate.max_new_tokens")
    prompts = encode_prompts(rows, examples, tuned, limits["max_source_tokens"], positions)
    plain = not is_tuned_with_peft(tuned.network) and not examples
    merged = is_merged(folder, tuned.network)
    form = "merged" if merged else "as it is"
    variants = [
        Variant(method, method, form, loader(load, generate.merge, tuned if together else None), prompts, plain)
    ]
    if merged:
        unmerged = load(False) if together else None
        variants.append(
            Variant(f"{method}, unmerged", method, "unmerged", loader(load, False, unmerged), prompts, plain=False)
        )
    return variants


def loader(
    load: Callable[[bool], LanguageModel], merge: bool, kept: LanguageModel | None
) -> Callable[[], LanguageModel]:
    """Gives the model that is kept, or loads it each time."""
    return (lambda: kept) if kept else partial(load, merge)


def add_control(variants: list[Variant]) -> list[str]:
    """The names of the variants that take the same time; one is added where there are no two."""
    if not variants:
        return []
    plain = [variant for variant in variants if variant.plain]
    if len(plain) < 2:
        first = (plain or variants)[0]
        again = Variant(f"{first.name}, again", first.method, first.form, first.load, first.prompts, first.plain)
        variants.append(again)
        plain = [first, again]
    return [variant.name for variant in plain]


def variant_record(variant: Variant) -> dict[str, Any]:
    """The timings of a variant, for inference.json."""
    return {
        "name": variant.name,
        "method": variant.method,
        "form": variant.form,
        "batches": {
            str(size): {key: [round(value, 6) for value in values] for key, values in asdict(timings).items()}
            for size, timings in variant.timings.items()
        },
    }


if __name__ == "__main__":
    run_stage(run)
