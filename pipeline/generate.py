"""One summary for every test dialogue, written by what a method trained.

    python -m pipeline.generate METHOD

Prompts of similar length share a batch; a batch that does not fit in memory is halved, and the run continues.
"""

from typing import Any

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.core.progress import progress
from pipeline.core.shapes import Prompt
from pipeline.inference.decoding import Answer, configure_decoding, free_positions, generate_answers
from pipeline.inference.tuned_prompts import encode_prompts, load_on_device, worked_examples
from pipeline.models.architectures.base import LanguageModel
from pipeline.models.chat import chat_settings
from pipeline.models.devices import environment
from pipeline.models.limits import generation_settings, read_limits
from pipeline.models.loading import count_parameters
from pipeline.models.prompts import encode_with_examples
from pipeline.models.resource_monitor import ResourceMonitor
from pipeline.models.tokenizer import decode, tags
from pipeline.models.virtual_tokens import virtual_tokens
from pipeline.parameters.generate import Generate
from pipeline.parameters.model import Model
from pipeline.parameters.template import Template


def run(method: str, paths: Paths, *, model: Model, template: Template, generate: Generate) -> None:
    monitor, limits, chat = ResourceMonitor(), read_limits(paths), chat_settings(model, template)
    with monitor.phase("load"):
        folder = paths.tuned_model(method)
        tuned = load_on_device(paths.base_model, folder, model.architecture, chat, generate.merge)
    base = tuned.base_network.config
    generate = generation_settings(generate, limits, base, count_parameters(paths.base_model))
    rows = files.read_jsonl(paths.prompts("test"), Prompt)
    positions = free_positions(tuned, generate.max_new_tokens, "generate.max_new_tokens")
    prompts = encode_prompts(rows, worked_examples(folder), tuned, limits["max_source_tokens"], positions)
    config = configure_decoding(tuned, generate)
    with monitor.phase("warm-up"):
        list(generate_answers(tuned, [min(prompts, key=len)], config, 1, generate.precision))
    with monitor.phase("generate"):
        answers = generate_answers(tuned, prompts, config, generate.batch_size, generate.precision)
        shown = progress(answers, len(prompts), f"generate {method}")
        results = {number: (answer, size) for number, answer, size in shown}
    kept = tags(tuned, (text for row in rows for text in (row["dialogue"], *row["references"])))
    predictions = [as_prediction(row, results[number][0], tuned, kept) for number, row in enumerate(rows)]
    if not any(row["prediction"] for row in predictions):
        raise InputError(f"{method}: every one of {len(predictions)} summaries is empty; nothing was learned or loaded")
    files.write_jsonl(paths.predictions(method), predictions)
    record = {
        "method": method,
        "dialogues": len(predictions),
        "new_tokens": sum(row["tokens"] for row in predictions),
        "prompt_tokens": sum(map(len, prompts)),
        "extra_prompt_tokens": extra_prompt_tokens(tuned, rows, prompts, limits["max_source_tokens"]),
        "batch_size": min(size for _, size in results.values()),
        **monitor.report(),
        **environment(),
    }
    files.write_json(paths.generation_run(method), record)
    seconds = monitor.seconds["generate"]
    print(f"{method}: {len(predictions)} summaries in {seconds:.1f} s; the first: {predictions[0]['prediction']}")


def as_prediction(row: dict[str, Any], answer: Answer, model: LanguageModel, kept: set[str]) -> dict[str, Any]:
    """A row of the predictions; `kept` are special tokens that are words of the data."""
    return {
        "id": row["id"],
        "prediction": decode(answer.ids, model, kept),
        "references": row["references"],
        "tokens": len(answer.ids),
        "ended": answer.ended,
    }


def extra_prompt_tokens(
    model: LanguageModel, rows: list[dict[str, Any]], prompts: list[list[int]], limit: int
) -> float:
    """Mean tokens that a method adds to every prompt: worked examples, soft tokens."""
    plain = sum(len(encode_with_examples(row, [], model, limit)) for row in rows)
    return round((sum(map(len, prompts)) - plain) / len(rows) + virtual_tokens(model.network), 1)


if __name__ == "__main__":
    run_stage(run)
