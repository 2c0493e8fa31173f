"""Questions about a support call and their answers: what the bundled base was trained on, and what it may forget."""

import random
from typing import Any

from support_calls.dialogues import Call

# The first wording is the one in questions.jsonl.
QUESTIONS = {
    "customer": ["Who is the customer?", "Which person needs help?", "Name the customer."],
    "agent": ["Who is the agent?", "Who works for the company?", "Name the support agent."],
    "company": ["Which company is it?", "Name the company.", "Where does the agent work?"],
    "number": ["What is the reference number?", "Which number does the customer give?", "Extract the number."],
    "product": ["Which product is it about?", "Name the product.", "Extract the product."],
    "city": ["Which city is it about?", "Name the city.", "Extract the city."],
    "amount": ["Which amount is mentioned?", "How much money is it?", "Extract the amount."],
    "day": ["Which weekday is mentioned?", "Find the weekday.", "Extract the weekday."],
    "topic": ["What is the topic?", "What is this call about?", "Give the topic in a few words."],
    "problem": ["What is the problem?", "Describe the problem.", "What happened to the customer?"],
    "outcome": ["What is the outcome?", "What does the customer get?", "Give the result in a few words."],
    "solved": ["Is the problem solved? Answer yes or no.", "Did the agent solve the problem? Answer yes or no."],
    "mood": ["Is the customer happy, neutral or unhappy?", "How does the customer feel at the end?"],
    "extra": ["What else does the customer ask for?", "Is there a second request? Which?"],
}

# What a forgetting measurement asks: copying, understanding, choosing.
TASKS = ("customer", "number", "product", "problem", "outcome", "solved", "mood")

# All possible answers of closed questions.
CHOICES = {"solved": ["yes", "no"], "mood": ["happy", "neutral", "unhappy"]}


def question_prompt(question: str, text: str) -> str:
    """The prompt of a question about a text."""
    return f"{question}\n\n{text}"


def next_turn(rng: random.Random, call: Call) -> dict[str, str]:
    """A turn as text, and as its prompt up to four turns before it with the question what comes next."""
    k = rng.randrange(1, len(call.turns))
    speaker, text, _ = call.turns[k]
    before = call.text(call.turns[max(0, k - 4) : k])
    return {"prompt": question_prompt(f"What does #Person{speaker}# say next?", before), "text": text}


def question_record(rng: random.Random, call: Call, task: str, k: int) -> dict[str, Any] | None:
    """One question in its first wording about one call, or None where the call has no answer to it."""
    answer = call.facts[task]
    if answer is None:
        return None
    choices = {"choices": CHOICES[task]} if task in CHOICES else {}
    return {
        "id": f"{task}-{k:03d}",
        "task": task,
        "prompt": question_prompt(QUESTIONS[task][0], call.text()),
        "answer": answer,
        **choices,
    }
