"""Instructions whose answers are sentences: why the customer calls, what the agent does, a log entry, a record.

A model that has only ever answered in a word or two learns from some hundred summaries how to write, rather than how to
summarize. FLAN's mixture has long answers too. What is asked for here is never a summary, and no sentence is put as the
references of the bundled data put it (support_calls/texts/talk.yaml, `summary`); only the clauses are the same.
"""

import random
from collections.abc import Callable

from pretraining.framing import Example, framed
from support_calls.dialogues import Call
from support_calls.world import Writer

# What may be asked, and how its answer may be put. {problem} and {outcome} are clauses of the call.
PARTS = {
    "who": (
        ("Who is on the line?", "Who speaks with whom?", "Which two people speak?"),
        (
            "{C} speaks with {A} of {company}.",
            "{A} of {company} hears from {C}.",
            "{C} has {A} of {company} on the line.",
        ),
    ),
    "reason": (
        ("Why does the customer call?", "What made the customer call?", "What is the matter?"),
        ("{problem}.", "{problem}.", "The reason is that {problem}.", "It is about this: {problem}."),
    ),
    "deed": (
        ("What does the agent do?", "Describe what the agent does.", "How does the agent help?"),
        ("{A} {outcome}.", "{A} {outcome}.", "{A} of {company} {outcome}.", "The agent, {A}, {outcome}."),
    ),
    "extra": (
        ("What else comes up?", "Is there something else?"),
        ("What else comes up: {extra}.", "There is also this: {extra}."),
    ),
    "feeling": (
        ("How does the customer take it?", "How does it leave the customer?"),
        ("{C} sounds {mood}.", "It leaves {C} {mood}."),
    ),
}
FIELDS = {
    "customer": "{C}", "agent": "{A}", "company": "{company}", "reason": "{problem}", "action": "{outcome}",
    "more": "{extra}", "mood": "{mood}",
}  # fmt: skip


class Teller:
    """Writes about one call; the clauses of its problem and its outcome are drawn once."""

    def __init__(self, rng: random.Random, call: Call) -> None:
        self.rng, self.writer = rng, Writer(rng, "pretraining")
        clauses = {"problem": rng.choice(call.problems), "outcome": rng.choice(call.outcomes)}
        self.values = call.values | clauses | {"extra": call.facts["extra"], "mood": call.facts["mood"]}

    def part(self, name: str) -> str:
        """One part of the call as a sentence."""
        return self.write(self.rng.choice(PARTS[name][1]))

    def write(self, text: str) -> str:
        return self.writer.write(text, self.values)


def one_sentence(part: str) -> Callable[[random.Random, Call, float], Example]:
    """The task of answering one question in a sentence."""

    def ask(rng: random.Random, call: Call, whole: float) -> Example:
        return framed(rng, rng.choice(PARTS[part][0]), call.text()), Teller(rng, call).part(part)

    return ask


def several_sentences(rng: random.Random, call: Call, whole: float) -> Example:
    """Two to four questions, answered in sentences in their order."""
    parts = rng.sample(list(PARTS), rng.choice([2, 3, 3, 4]))
    questions = " ".join(rng.choice(PARTS[part][0]) for part in parts)
    instruction = rng.choice([f"Answer in sentences. {questions}", f"{questions} Answer in sentences."])
    teller = Teller(rng, call)
    return framed(rng, instruction, call.text()), " ".join(teller.part(part) for part in parts)


def log_entry(rng: random.Random, call: Call, whole: float) -> Example:
    """A line of the service log: fields of a word or a clause, in the order asked for."""
    fields = rng.sample(list(FIELDS), rng.randint(3, 5))
    entry = Teller(rng, call).write("; ".join(f"{name}: {FIELDS[name]}" for name in fields))
    return framed(rng, f"Write the log entry: {', '.join(fields)}.", call.text()), entry


def record_to_text(rng: random.Random, call: Call, whole: float) -> Example:
    """Sentences from the fields of a record: no dialogue to read."""
    teller, fields = Teller(rng, call), ["customer", "agent", "company", "reason", "action"]
    record = teller.write("; ".join(f"{name}: {FIELDS[name]}" for name in rng.sample(fields, len(fields))))
    text = f"{teller.part('who')} {teller.part('reason')} {teller.part('deed')}"
    return framed(rng, "Turn the record into sentences.", record), text
