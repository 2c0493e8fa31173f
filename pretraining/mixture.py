"""The instruction mixture that the base is trained on. Summarizing a call is left out of it.

Every task takes a random generator, a call and the share of questions that get the whole call rather than the turns
that hold the answer, and gives an instruction with its answer, or None where the call has no such task.
"""

import random
from collections.abc import Callable

from pretraining.framing import Example, framed
from pretraining.sentences import log_entry, one_sentence, record_to_text, several_sentences
from support_calls.dialogues import Call, compose
from support_calls.questions import QUESTIONS, question_prompt
from support_calls.world import Split, Writer, scenarios, talk

# Where in a call the answer lies; a task that is not listed needs all of it.
ANSWERED_IN = {
    "company": "open", "topic": "open", "problem": "open", "product": "open", "number": "number",
    "outcome": "outcome", "solved": "outcome", "mood": "close",
}  # fmt: skip
TOPICS = sorted({scenario.topic for scenario in scenarios()})
OUTCOMES = sorted({outcome.act for scenario in scenarios() for outcome in scenario.outcomes})
MOODS = ["happy", "neutral", "unhappy"]


def excerpt(rng: random.Random, call: Call, part: str | None, whole: float) -> str:
    """The whole call, or the turns that hold the answer with a few around them."""
    if part is None or rng.random() < whole:
        return call.text()
    hits = [k for k, turn in enumerate(call.turns) if turn[2] == part]
    first, last = hits[0] - rng.choice([0, 0, 1, 2]), hits[-1] + rng.choice([0, 0, 1, 2])
    return call.text(call.turns[max(0, first) : last + 1])


def question(task: str) -> Callable[[random.Random, Call, float], Example | None]:
    """The task of answering one kind of question."""

    def ask(rng: random.Random, call: Call, whole: float) -> Example | None:
        answer = call.facts[task]
        if answer is None:
            return None
        return framed(rng, rng.choice(QUESTIONS[task]), excerpt(rng, call, ANSWERED_IN.get(task), whole)), answer

    return ask


def several_questions(rng: random.Random, call: Call, whole: float) -> Example:
    """Two to five questions at once."""
    tasks = rng.sample([task for task in QUESTIONS if call.facts[task]], rng.choice([2, 3, 4, 5]))
    questions = " ".join(rng.choice(QUESTIONS[task]) for task in tasks)
    answers = "; ".join((call.facts[task] or "").removesuffix(".") for task in tasks)
    return framed(rng, questions, call.text()), answers


def form(rng: random.Random, call: Call, whole: float) -> Example:
    """A form with many fields filled in: the most answers for one reading of the call."""
    fields = rng.sample(list(QUESTIONS), rng.randint(6, 10))
    filled = "; ".join(f"{name}: {call.facts[name] or 'none'}" for name in fields)
    return framed(rng, f"Fill in the form: {', '.join(fields)}.", call.text()), filled


def worked_examples(rng: random.Random, call: Call, whole: float) -> Example | None:
    """A question after one or two of its kind with their answers, as FLAN's few-shot prompts have it."""
    task = rng.choice(list(ANSWERED_IN))
    instruction = rng.choice(QUESTIONS[task])
    shots = [other for _ in range(rng.choice([1, 2])) if (other := compose(rng, "pretraining")).facts[task]]
    if call.facts[task] is None or not shots:
        return None
    texts = [excerpt(rng, shown, ANSWERED_IN[task], 0.3) for shown in (*shots, call)]
    answered = [f"{question_prompt(instruction, text)}\n\n{shown.facts[task]}\n\n" for text, shown in zip(texts, shots)]
    return "".join(answered) + question_prompt(instruction, texts[-1]), call.facts[task]


def third_person(rng: random.Random, call: Call, whole: float) -> Example:
    """What the customer said, in the third person."""
    instruction = rng.choice(["Rewrite in the third person.", "Say it in the third person."])
    return framed(rng, instruction, f"{call.facts['customer']}: {call.said}"), call.facts["problem"] or ""


def yes_no(rng: random.Random, call: Call, whole: float) -> Example:
    """Whether a statement about the call is true."""
    facts = call.facts
    kind = rng.choice(["outcome", "topic", "mood", "customer"])
    pool = {"outcome": OUTCOMES, "topic": TOPICS, "mood": MOODS, "customer": [facts["customer"], facts["agent"]]}[kind]
    value = facts[kind] if rng.random() < 0.5 else rng.choice(pool)
    claim = {
        "outcome": f"Is the outcome: {value}?",
        "topic": f"Is this about: {value}?",
        "mood": f"Is the customer {value}?",
        "customer": f"Is {value} the customer?",
    }[kind]
    truth = "yes" if value == facts[kind] else "no"
    return framed(rng, f"{claim} Answer yes or no.", excerpt(rng, call, ANSWERED_IN.get(kind), whole)), truth


def what_was_said(rng: random.Random, call: Call, whole: float) -> Example:
    """The first or the last thing that a person says: a long copy."""
    start = rng.randrange(max(1, len(call.turns) - 4))
    turns = call.turns if rng.random() < 0.3 else call.turns[start : start + 5]
    person, first = rng.choice([1, 2]), rng.random() < 0.5
    lines = [text for speaker, text, _ in turns if speaker == person]
    instruction = f"What does #Person{person}# say {'first' if first else 'last'}?"
    return framed(rng, instruction, call.text(turns)), lines[0 if first else -1]


def next_turn(rng: random.Random, call: Call, whole: float) -> Example:
    """The next thing that is said."""
    k = rng.randrange(1, len(call.turns))
    speaker, text, _ = call.turns[k]
    before = call.turns[max(0, k - rng.choice([1, 2, 3, 4])) : k]
    return framed(rng, f"What does #Person{speaker}# say next?", call.text(before)), text


def sentence_mood(rng: random.Random, call: Call, whole: float) -> Example:
    """The mood of a single parting sentence."""
    mood = rng.choice(MOODS)
    writer = Writer(rng, "pretraining")
    sentence = writer.write(writer.one_of(talk()["closing"][mood]), call.values)
    return framed(rng, rng.choice(["Happy, neutral or unhappy?", *QUESTIONS["mood"]]), f"#Person2#: {sentence}"), mood


def entities(rng: random.Random, call: Call, whole: float) -> Example:
    """The names and things of a passage, in their order."""
    start = rng.randrange(max(1, len(call.turns) - 3))
    text = call.text(call.turns[start : start + 4])
    slots = ("C", "A", "company", "number", "item", "amount", "day", "place", "date", "street")
    found = sorted({call.values[slot] for slot in slots if call.values[slot] in text}, key=text.index)
    return framed(rng, "List the names and things.", text), ", ".join(found) or "none"


def span_corruption(rng: random.Random, call: Call, whole: float) -> Example:
    """A passage with spans taken out, and the spans: T5's own objective (Raffel et al., 2020)."""
    start = rng.randrange(max(1, len(call.turns) - 4))
    words = call.text(call.turns[start : start + 5]).replace("\n", " \n ").split(" ")
    source, target, k = [], [], 0
    while k < len(words):
        span = rng.choice([1, 2, 2, 3]) if rng.random() < 0.09 and len(target) < 60 else 0
        if span:
            mark = f"<extra_id_{sum(piece.startswith('<extra') for piece in target)}>"
            source.append(mark)
            target += [mark, *words[k : k + span]]
        source += words[k + span : k + span + 1]
        k += span + 1
    return " ".join(source), " ".join(target) or "<extra_id_0>"


TASKS: dict[str, tuple[Callable[[random.Random, Call, float], Example | None], float]] = {
    **{task: (question(task), 1.0) for task in QUESTIONS},
    "number": (question("number"), 1.5),
    "problem": (question("problem"), 2.0),
    "mood": (question("mood"), 2.0),
    "solved": (question("solved"), 1.5),
    "several_questions": (several_questions, 3.0),
    "form": (form, 8.0),
    "worked_examples": (worked_examples, 1.5),
    "third_person": (third_person, 1.5),
    "reason": (one_sentence("reason"), 2.0),
    "deed": (one_sentence("deed"), 3.0),
    "several_sentences": (several_sentences, 8.0),
    "log_entry": (log_entry, 4.0),
    "record_to_text": (record_to_text, 1.0),
    "yes_no": (yes_no, 2.0),
    "what_was_said": (what_was_said, 0.7),
    "next_turn": (next_turn, 0.5),
    "sentence_mood": (sentence_mood, 0.5),
    "entities": (entities, 1.0),
    "span_corruption": (span_corruption, 0.5),
}


def example(rng: random.Random, whole: float, split: Split = "pretraining") -> Example:
    """One instruction and its answer."""
    while True:
        task = rng.choices(list(TASKS), [weight for _, weight in TASKS.values()])[0]
        pair = TASKS[task][0](rng, compose(rng, split), whole)
        if pair:
            return pair
