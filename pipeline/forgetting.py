"""How much a method lost of the base model's other abilities: questions it was not tuned on, and held-out text.

    python -m pipeline.forgetting RUN

The file of questions has rows of id, task, prompt and answer (formats: docs/data.md). Every question is answered in
writing, and one with `choices` by the likeliest choice too: a method can forget the form of an answer and still know
it. The file of texts has rows of text and, optionally, prompt, or is a .txt of paragraphs. zero_shot answers as the
base does, so what a method forgot is its difference to zero_shot. few_shot changes no weight and is asked without its
examples.
"""

from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.paths import Paths
from pipeline.core.progress import progress
from pipeline.evaluation.questions import (
    accuracy_by_task,
    exact_match,
    likeliest_choices,
    read_questions,
    read_texts,
)
from pipeline.inference.decoding import configure_decoding, free_positions, generate_answers
from pipeline.inference.likelihood import choice_log_likelihoods, confidence, label_log_likelihoods, text_example
from pipeline.models import processes
from pipeline.models.architectures.base import LanguageModel
from pipeline.models.chat import chat_settings
from pipeline.models.devices import environment, to_device
from pipeline.models.limits import read_limits
from pipeline.models.prompts import tokenize_instruction
from pipeline.models.resource_monitor import ResourceMonitor, of_all_processes
from pipeline.models.tokenizer import decode, tags
from pipeline.models.tuned import load_tuned
from pipeline.parameters.forgetting import Forgetting
from pipeline.parameters.generate import DecodingParams
from pipeline.parameters.model import Model
from pipeline.parameters.template import Template


def run(name: str, paths: Paths, *, model: Model, template: Template, forgetting: Forgetting) -> None:
    processes.join()
    with files.explain_damaged_input(Path(forgetting.questions)):
        questions = read_questions(Path(forgetting.questions), forgetting.per_task)
    with files.explain_damaged_input(Path(forgetting.text)):
        texts = read_texts(Path(forgetting.text))
    monitor, chat = ResourceMonitor(), chat_settings(model, template)
    with monitor.phase("load"):
        tuned = load_tuned(paths.base_model, paths.tuned_model(name), model.architecture, chat, merge=True)
        tuned.network = to_device(tuned.network)
        limit = read_limits(paths)["max_source_tokens"]
        examples = [text_example(row, tuned, limit) for row in texts]
    with monitor.phase("answer"):
        prompts = [tokenize_instruction(row["prompt"], tuned) for row in questions]
        check_lengths(questions, prompts, tuned, forgetting)
        given = write_answers(name, tuned, questions, prompts, forgetting)
        sure: list[float | None] = [None] * len(questions)
        for number, (choices, totals) in choose_answers(name, tuned, questions, prompts, forgetting).items():
            given[number] |= likeliest_choices(choices, totals)
            sure[number] = confidence(totals)
    with monitor.phase("read"):
        likelihoods = label_log_likelihoods(tuned, examples, forgetting.batch_size, f"read {name}")
    usage = of_all_processes(monitor)
    if not processes.is_first():
        return
    answered = [answer_row(*of_row) for of_row in zip(questions, given, sure)]
    accuracy = accuracy_by_task(answered)
    nats, tokens = [round(-total, 4) for total, _ in likelihoods], [count for _, count in likelihoods]
    loss = sum(nats) / sum(tokens)
    files.write_jsonl(paths.answers(name), answered)
    files.write_json(
        paths.forgetting(name),
        {
            "run": name,
            "questions": len(questions),
            "with_choices": sum("choices" in row for row in questions),
            "accuracy": accuracy,
            "text_loss": {"mean": loss, "nats": nats, "tokens": tokens},
        },
    )
    files.write_json(paths.forgetting_run(name), {"run": name, **usage, **environment()})
    means = ", ".join(f"{100 * shares['mean']:.1f} % {reading}" for reading, shares in accuracy.items())
    print(
        f"{name}: {len(questions)} questions in {monitor.seconds['answer']:.1f} s, correct {means}; "
        f"{len(texts)} texts, {loss:.3f} nats per token"
    )


def write_answers(
    name: str, model: LanguageModel, questions: list[dict[str, Any]], prompts: list[list[int]], params: Forgetting
) -> list[dict[str, str]]:
    """What the model writes as the answer to each question, in order: the reading `written`."""
    greedy = DecodingParams(
        max_new_tokens=params.max_new_tokens, num_beams=1, no_repeat_ngram_size=0, length_penalty=1.0
    )
    config = configure_decoding(model, greedy)
    kept = tags(model, (text for row in questions for text in (row["prompt"], row["answer"])))
    answers = generate_answers(model, prompts, config, params.batch_size, "fp32")
    texts = {
        number: decode(answer.ids, model, kept)
        for number, answer, _ in progress(answers, len(prompts), f"answer {name}")
    }
    return [{"written": texts[number]} for number in range(len(prompts))]


def choose_answers(
    name: str, model: LanguageModel, questions: list[dict[str, Any]], prompts: list[list[int]], params: Forgetting
) -> dict[int, tuple[list[str], list[float]]]:
    """Number of each question with choices -> its choices, and how likely the model finds each."""
    closed = [number for number, row in enumerate(questions) if "choices" in row]
    choices = [questions[number]["choices"] for number in closed]
    asked = [prompts[number] for number in closed]
    likelihoods = choice_log_likelihoods(model, asked, choices, params.batch_size, f"choose {name}")
    return dict(zip(closed, zip(choices, likelihoods)))


def answer_row(question: dict[str, Any], given: dict[str, str], sure: float | None) -> dict[str, Any]:
    """A line of the file of answers: the question without its prompt, and what was given in each reading.

    With choices also how sure the model is of the likeliest: its `confidence`.
    """
    row = {key: question[key] for key in question if key != "prompt"}
    row |= {"given": given, "correct": {reading: exact_match(text, question) for reading, text in given.items()}}
    return row if sure is None else row | {"confidence": sure}


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
    run_stage(run, several_processes=True)
