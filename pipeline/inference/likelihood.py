"""How likely a model finds a given text: the choices of a question, and held-out texts."""

import math
from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.progress import progress
from pipeline.inference.batching import longest_first, run_in_batches
from pipeline.models.architectures.base import Example, LanguageModel
from pipeline.models.prompts import completion_start, tokenize_completion, tokenize_instruction


def answer_example(prompt: list[int], text: str, model: LanguageModel) -> Example:
    """A text as the answer to a prompt, without an end token; every token of the text is a label."""
    return continuation_example(prompt, tokenize_completion(completion_start(model) + text, model), model)


def text_example(row: dict[str, str], model: LanguageModel, limit: int) -> Example:
    """A held-out text as the answer to its prompt; without a prompt its second half after its first.

    The latter is the task by which T5 was made a language model (Lester et al., 2021). `limit` is the number of tokens
    of a text without a prompt. Raises InputError where a text is one token.
    """
    if "prompt" in row:
        return answer_example(tokenize_instruction(row["prompt"], model), row["text"], model)
    encoded = model.tokenizer(row["text"], split_special_tokens=True, return_special_tokens_mask=True)
    ids, special = encoded["input_ids"], encoded["special_tokens_mask"]
    inside = [position for position, added in enumerate(special) if not added]
    if len(inside) < 2:
        raise InputError(f"{row['where']}: {row['text']!r} is one token and has no second half")
    text = ids[inside[0] : inside[-1] + 1][:limit]
    middle = len(text) // 2
    after = ids[inside[-1] + 1 :] if model.reads_end_of_prompt else []
    return continuation_example([*ids[: inside[0]], *text[:middle], *after], text[middle:], model)


def continuation_example(prompt: list[int], ids: list[int], model: LanguageModel) -> Example:
    """Labels are all of `ids`; the last takes the place of a training example's end token."""
    return model.encode_example(prompt, ids[:-1], ids[-1])


def label_log_likelihoods(
    model: LanguageModel, examples: list[Example], batch_size: int, label: str = "read"
) -> list[tuple[float, int]]:
    """(log-probability of its labels, number of labels) of each example, in order; `label` names their progress."""
    import torch

    def process(numbers: list[int]) -> list[tuple[float, int]]:
        batch: Any = model.collate([examples[number] for number in numbers]).to(model.device)
        with torch.inference_mode():
            sums, counts = model.log_likelihoods(batch)
        return list(zip(sums.tolist(), counts.tolist()))

    order = longest_first([len(example["input_ids"]) for example in examples])
    batches = progress(run_in_batches(order, batch_size, process), len(order), label)
    results = {number: result for number, result, _ in batches}
    return [results[number] for number in range(len(examples))]


def choice_log_likelihoods(
    model: LanguageModel, prompts: list[list[int]], choices: list[list[str]], batch_size: int, label: str
) -> list[list[float]]:
    """The log-probability of each choice of each question; choices of all questions share batches."""
    examples = [answer_example(prompt, text, model) for prompt, texts in zip(prompts, choices) for text in texts]
    totals = iter(label_log_likelihoods(model, examples, batch_size, label))
    return [[next(totals)[0] for _ in texts] for texts in choices]


def confidence(log_likelihoods: list[float]) -> float:
    """The probability of the likeliest choice among the choices: the softmax of their log-likelihoods."""
    largest = max(log_likelihoods)
    return round(1 / math.fsum(math.exp(total - largest) for total in log_likelihoods), 4)


def output_log_likelihoods(
    model: LanguageModel, prompts: list[list[int]], outputs: list[list[int]], batch_size: int, label: str
) -> list[float]:
    """The log-probability of outputs, as ids that the model wrote, each after its prompt; 0 of an empty one."""
    written = [number for number, ids in enumerate(outputs) if ids]
    examples = [continuation_example(prompts[number], outputs[number], model) for number in written]
    found = dict(zip(written, label_log_likelihoods(model, examples, batch_size, label)))
    return [found[number][0] if number in found else 0.0 for number in range(len(outputs))]
