"""How much a method lost of the base model's other abilities: questions it was not tuned on, and held-out text.

    python -m pipeline.forgetting METHOD

The file of questions has rows of id, task, prompt and answer (formats: docs/data.md); one with `choices` can be
answered by the likeliest choice. The file of texts has rows of text and, optionally, prompt, or is a .txt of
paragraphs. zero_shot answers as the base does, so what a method forgot is its difference to zero_shot. few_shot changes
no weight and is asked without its examples.
"""

from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.core.progress import progress
from pipeline.evaluation.questions import accuracy_by_task, exact_match, read_questions, read_texts
from pipeline.inference.decoding import configure_decoding, free_positions, generate_answers
from pipeline.inference.likelihood import label_log_likelihoods, likeliest_choice, text_example
from pipeline.models.architectures.base import LanguageModel
from pipeline.models.chat import chat_settings
from pipeline.models.devices import environment, to_device
from pipeline.models.limits import read_limits
from pipeline.models.prompts import tokenize_instruction
from pipeline.models.resource_monitor import ResourceMonitor
from pipeline.models.tokenizer import decode, tags
from pipeline.models.tuned import load_tuned
from pipeline.parameters.forgetting import Forgetting
from pipeline.parameters.generate import DecodingParams
from pipeline.parameters.model import Model
from pipeline.parameters.template import Template


def run(method: str, paths: Paths, *, model: Model, template: Template, forgetting: Forgetting) -> None:
    with files.explain_damaged_input(Path(forgetting.questions)):
        questions = read_questions(Path(forgetting.questions), forgetting.per_task)
    with files.explain_damaged_input(Path(forgetting.text)):
        texts = read_texts(Path(forgetting.text))
    monitor, chat = ResourceMonitor(), chat_settings(model, template)
    with monitor.phase("load"):
        tuned = load_tuned(paths.base_model, paths.tuned_model(method), model.architecture, chat, merge=True)
        tuned.network = to_device(tuned.network)
        limit = read_limits(paths)["max_source_tokens"]
        examples = [text_example(row, tuned, limit) for row in texts]
    with monitor.phase("answer"):
        given, by_choice = answer_questions(method, tuned, questions, forgetting)
    with monitor.phase("read"):
        likelihoods = label_log_likelihoods(tuned, examples, forgetting.batch_size)
    answered = [
        {key: row[key] for key in row if key != "prompt"} | {"given": text, "correct": exact_match(text, row)}
        for row, text in zip(questions, given)
    ]
    accuracy = accuracy_by_task(answered)
    nats, tokens = [round(-total, 4) for total, _ in likelihoods], [count for _, count in likelihoods]
    loss = sum(nats) / sum(tokens)
    files.write_jsonl(paths.answers(method), answered)
    files.write_json(
        paths.forgetting(method),
        {
            "method": method,
            "questions": len(questions),
            "by_choice": by_choice,
            "accuracy": accuracy,
            "text_loss": {"mean": loss, "nats": nats, "tokens": tokens},
        },
    )
    files.write_json(paths.forgetting_run(method), {"method": method, **monitor.report(), **environment()})
    print(
        f"{method}: {len(questions)} questions in {monitor.seconds['answer']:.1f} s, accuracy {accuracy}; "
        f"{len(texts)} texts, {loss:.3f} nats per token"
    )


def answer_questions(
    method: str, model: LanguageModel, questions: list[dict[str, Any]], params: Forgetting
) -> tuple[list[str], int]:
    """The answer to each question, in order, and how many were answered by the likeliest choice."""
    prompts = [tokenize_instruction(row["prompt"], model) for row in questions]
    check_lengths(questions, prompts, model, params)
    by_choice = params.multiple_choice == "log_likelihood"
    closed = [number for number, row in enumerate(questions) if by_choice and "choices" in row]
    written = [number for number in range(len(questions)) if number not in set(closed)]
    answers: dict[int, str] = {}
    greedy = DecodingParams(
        max_new_tokens=params.max_new_tokens, num_beams=1, no_repeat_ngram_size=0, length_penalty=1.0
    )
    config = configure_decoding(model, greedy)
    kept = tags(model, (text for row in questions for text in (row["prompt"], row["answer"])))
    texts = generate_answers(model, [prompts[number] for number in written], config, params.batch_size, "fp32")
    for position, answer, _ in progress(texts, len(written), f"answer {method}"):
        answers[written[position]] = decode(answer.ids, model, kept)
    for number in progress(closed, len(closed), f"choose {method}"):
        answers[number] = likeliest_choice(prompts[number], questions[number]["choices"], model, params.batch_size)
    return [answers[number] for number in range(len(questions))], len(closed)


def check_lengths(
    questions: list[dict[str, Any]], prompts: list[list[int]], model: LanguageModel, params: Forgetting
) -> None:
    """Raise InputError for a question that has more tokens than the model has positions."""
    positions = free_positions(model, params.max_new_tokens, "forgetting.max_new_tokens")
    for row, prompt in zip(questions, prompts):
        if positions is not None and len(prompt) > positions:
            raise InputError(
                f"{params.questions}: question {row['id']} has {len(prompt)} tokens, and the model has {positions} "
                "positions for it: shorten it, or leave it out"
            )


if __name__ == "__main__":
    run_stage(run)
