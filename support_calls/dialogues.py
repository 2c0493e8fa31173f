"""Write one support call: its turns, its reference summaries, and the facts in it.

python -m support_calls.dialogues 50          # fifty calls with their references, to read
"""

import random
import re
import sys
from dataclasses import dataclass, field
from typing import Any

from support_calls.world import Outcome, Scenario, Split, Writer, draw_slots, scenarios, talk

# The same person always says I'm or always I am.
_CONTRACTIONS = (
    ("I am", "I'm"), ("I have", "I've"), ("I will", "I'll"), ("cannot", "can't"), ("do not", "don't"),
    ("does not", "doesn't"), ("did not", "didn't"), ("was not", "wasn't"), ("it is", "it's"), ("It is", "It's"),
    ("That is", "That's"), ("that is", "that's"), ("We will", "We'll"), ("we will", "we'll"), ("It will", "It'll"),
    ("What is", "What's"), ("have not", "haven't"), ("has not", "hasn't"),
)  # fmt: skip
# 'I have a kettle', 'Can I have your number' and 'I have your order here' stay as they are.
_STAYS = re.compile(r"\bI have (?=(?:a|an|no|to|the|your|nothing|only)\b)|(?<=Can )I have\b|(?<=can )I have\b")


@dataclass
class Call:
    """A support call.

    turns holds (speaker, text, part): speaker is 1 or 2, in order of speaking; part says what the turn is for: open,
    number, probe, hold, outcome, side or close. facts are the answers to questions about the call.
    """

    turns: list[tuple[int, str, str]]
    references: list[str]
    facts: dict[str, str | None]
    said: str  # the problem in the customer's own words
    problems: list[str]  # clauses that tell the problem, with slots and choices
    outcomes: list[str]  # and what the agent does
    values: dict[str, str] = field(repr=False)

    def text(self, turns: list[tuple[int, str, str]] | None = None) -> str:
        """The turns, one a line, tagged as in DialogSum."""
        return "\n".join(f"#Person{speaker}#: {text}" for speaker, text, _ in (turns or self.turns))


def contract(text: str) -> str:
    """I am -> I'm and the like, but not at the end of a clause and not for 'I have a ...'."""
    text = _STAYS.sub(lambda have: have[0].replace("I have", "I\0have"), text)
    for full, brief in _CONTRACTIONS:
        text = re.sub(rf"\b{full}\b(?! ?[.,!?])", brief, text)
    return text.replace("\0", " ")


def compose(rng: random.Random, split: Split, references: int = 1) -> Call:
    """One call with as many differently worded references."""
    scenario = rng.choice(scenarios())
    outcome = rng.choice(scenario.outcomes)
    mood = rng.choice(outcome.moods)
    opening = rng.choice(scenario.opening)
    values = draw_slots(rng, scenario, split) | {"opening": opening["says"]}
    writer = Writer(rng, split)
    brief = {"customer": rng.random() < 0.5, "agent": rng.random() < 0.5}
    turns, side = _conversation(writer, scenario, outcome, mood, values, brief)
    text = "\n".join(turn for _, turn, _ in turns)

    said = writer.write(opening["says"], values)
    problems = [clause for clause in scenario.problem if _supported(clause, values, text)]
    outcomes = [clause for clause in outcome.summary if _supported(clause, values, text)]
    return Call(
        turns=turns,
        references=_references(writer, references, problems, outcomes, side, mood, values),
        facts={
            "customer": values["C"],
            "agent": values["A"],
            "company": values["company"],
            "topic": scenario.topic,
            "problem": writer.write(opening["means"], values),
            "outcome": outcome.act,
            "solved": "yes" if outcome.solved else "no",
            "mood": mood,
            "extra": side["name"] if side else "nothing",
            "number": values["number"] if values["number"] in text else None,
            "product": values["item"] if _mentions(opening["says"], "item") else None,
            "city": values["place"] if _mentions(opening["says"], "place") else None,
            "amount": _only(r"\$\d+", text),
            "day": _only(r"\b\w+day\b(?<!today)", text),
        },
        said=contract(said) if brief["customer"] else said,
        problems=problems,
        outcomes=outcomes,
        values=values,
    )


def _mentions(text: str, slot: str) -> bool:
    return f"{{{slot}}}" in text or f"{{a_{slot}}}" in text


def _only(pattern: str, text: str) -> str | None:
    """What the pattern finds, if it is one thing only."""
    found = set(re.findall(pattern, text))
    return found.pop() if len(found) == 1 else None


def _supported(clause: str, values: dict[str, str], text: str) -> bool:
    """Whether every value of a summary's clause was said in the call."""
    slots = re.findall(r"\{(?:a_)?(\w+)\}", clause)
    return all(re.search(rf"(?<!\w){re.escape(values[slot])}(?!\w)", text) for slot in slots)


def _conversation(
    writer: Writer, scenario: Scenario, outcome: Outcome, mood: str, values: dict[str, str], brief: dict[str, bool]
) -> tuple[list[tuple[int, str, str]], dict[str, Any] | None]:
    """The turns of a call, and the side request in it."""
    rng, common = writer.rng, talk()
    spoken: list[tuple[str, str, str]] = []

    def say(who: str, text: str, part: str) -> None:
        text = writer.write(text, values)
        if brief[who]:
            text = contract(text)
        if spoken and spoken[-1][0] == who:
            text = f"{spoken.pop()[1]} {text}"
        spoken.append((who, text, part))

    asks_number = rng.random() < 0.8
    feeling = writer.one_of(common[scenario.tone])
    if rng.random() < 0.75:
        say("agent", writer.one_of(common["greeting"]), "open")
        say("customer", writer.one_of(common["reply"]), "open")
    else:
        say("customer", writer.one_of(common["first"]), "open")
        say("agent", writer.one_of(common["first_reply"]), "open")
    say("agent", feeling, "open")
    if asks_number:
        say("agent", writer.one_of(common["ask_number"]), "number")
        say("customer", writer.one_of(common["give_number"]), "number")
    for k, question in enumerate(rng.sample(scenario.probe, rng.choice([0, 1, 1, min(2, len(scenario.probe))]))):
        say("agent", ("Thank you. " if asks_number and k == 0 else "") + question["agent"], "probe")
        say("customer", question["customer"], "probe")
    if spoken[-1][0] == "agent":
        say("customer", writer.one_of(common["go_on"]), "hold")
    elif len(spoken) < 7 and rng.random() < 0.3:
        pause = rng.choice(common["hold"])
        say("agent", pause["agent"], "hold")
        say("customer", pause["customer"], "hold")
    for turn in outcome.turns:
        for who, text in turn.items():
            say(who, text, "outcome")
    sides = [side for side in common["side"] if scenario.company in side["companies"].split()]
    side = rng.choice(sides) if len(spoken) <= 10 and rng.random() < 0.35 else None
    if side:
        say("customer", side["customer"], "side")
        say("agent", side["agent"], "side")
    say("customer", writer.one_of(common["closing"][mood]), "close")
    if rng.random() < 0.6:
        say("agent", writer.one_of(common["goodbye_unhappy" if mood == "unhappy" else "goodbye"]), "close")
    first = spoken[0][0]
    return [(1 if who == first else 2, text, part) for who, text, part in spoken], side


def _references(
    writer: Writer,
    count: int,
    problems: list[str],
    outcomes: list[str],
    side: dict[str, Any] | None,
    mood: str,
    values: dict[str, str],
) -> list[str]:
    """References that share no frame: every one its own way to put the problem and the outcome."""
    rng, frames = writer.rng, talk()["summary"]
    ways = rng.sample(range(len(frames["problem"])), len(frames["problem"]))
    deeds = rng.sample(range(len(frames["outcome"])), len(frames["outcome"]))
    problems, outcomes = rng.sample(problems, len(problems)), rng.sample(outcomes, len(outcomes))
    texts = []
    for k in range(count):
        problem, outcome = problems[k % len(problems)], outcomes[k % len(outcomes)]
        own = "own_problem" if problem.startswith("{C}") else "problem"
        sentences = [
            frames[own][ways[k % len(ways)]].replace("{problem}", problem),
            frames["outcome"][deeds[k % len(deeds)]].replace("{outcome}", outcome),
            rng.choice(side["summary"]) if side else "",
            rng.choice(frames["end"][mood]),
        ]
        texts.append(" ".join(writer.write(sentence, values) for sentence in sentences if sentence))
    return texts


def main() -> None:
    """Print as many calls as the first argument says."""
    rng = random.Random(0)
    for k in range(int(sys.argv[1]) if len(sys.argv) > 1 else 3):
        call = compose(rng, "test", references=3)
        print(f"--- {k}: {call.facts['topic']} / {call.facts['outcome']}\n{call.text()}\n")
        print("\n".join(f"* {reference}" for reference in call.references) + "\n")


if __name__ == "__main__":
    main()
