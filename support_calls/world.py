"""What calls are made of: scenarios, values, and how a text with slots and choices becomes a sentence."""

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

Split = Literal["train", "validation", "test", "pretraining"]

HELD_OUT_SHARE = 0.5  # of the names, products, companies and cities in test dialogues
INVENTED_SHARE = 0.35  # of the names, companies and cities in pretraining

_CHOICE = re.compile(r"<([^<>]*)>")
_SLOT = re.compile(r"\{(\w+)\}")


@dataclass(frozen=True)
class Outcome:
    """How a call can end: a label, whether the problem is solved, the moods it leaves, its turns, its summaries."""

    act: str
    solved: bool
    moods: tuple[str, ...]
    turns: tuple[dict[str, str], ...]
    summary: tuple[str, ...]


@dataclass(frozen=True)
class Scenario:
    """A reason to call. The fields are explained at the head of scenarios.yaml."""

    topic: str
    company: str
    number: str
    opening: tuple[dict[str, str], ...]
    problem: tuple[str, ...]
    probe: tuple[dict[str, str], ...]
    outcomes: tuple[Outcome, ...]
    tone: str = "sympathy"
    products: str = "any"


@cache
def _read(name: str) -> Any:
    text = (Path(__file__).parent / "texts" / f"{name}.yaml").read_text(encoding="utf-8")
    return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


@cache
def scenarios() -> tuple[Scenario, ...]:
    """Every scenario, in the order of scenarios.yaml."""
    return tuple(
        Scenario(**{**entry, "outcomes": tuple(Outcome(**outcome) for outcome in entry["outcomes"])})
        for entry in _read("scenarios")
    )


def talk() -> dict[str, Any]:
    """What every call has in common (talk.yaml)."""
    return _read("talk")


class Writer:
    """Turns texts with slots and choices into sentences, with one random generator."""

    def __init__(self, rng: random.Random, split: Split) -> None:
        self.rng, self.split = rng, split

    def one_of(self, options: Sequence[str]) -> str:
        """One of the options; those that begin with ~ are for test dialogues only."""
        allowed = [option for option in options if self.split == "test" or not option.startswith("~")]
        return self.rng.choice(allowed).removeprefix("~")

    def write(self, text: str, slots: dict[str, str]) -> str:
        """The text with its slots filled and its choices made, each sentence begun with a capital letter."""
        while _SLOT.search(text):
            text = _SLOT.sub(lambda slot: slots[slot[1]], text)
        while _CHOICE.search(text):
            text = _CHOICE.sub(lambda choice: self.one_of(choice[1].split("|")), text, count=1)
        text = re.sub(r"\s+([,.])", r"\1", " ".join(text.split()))
        return re.sub(r"(^|[.!?] )([a-z])", lambda start: start[1] + start[2].upper(), text)


def draw_slots(rng: random.Random, scenario: Scenario, split: Split) -> dict[str, str]:
    """Values for every slot of a call. No value is used for two things in one call."""
    lexicon = _read("lexicon")

    def pick(
        values: dict[str, Any], *, invent: bool = True, among: set[str] | None = None, other_than: str = ""
    ) -> str:
        held_out = split == "test" and rng.random() < HELD_OUT_SHARE
        if split == "pretraining" and invent and rng.random() < INVENTED_SHARE:
            word = "".join(rng.choices(lexicon["syllables"].split(), k=rng.choice([2, 2, 3]))).capitalize()
            if word not in vocabulary() and word != other_than:
                return word
        parts = ("seen", "held_out") if split == "pretraining" else ("held_out",) if held_out else ("seen",)
        pool = [value for part in parts for value in _listed(values[part]) if among is None or value in among]
        return rng.choice([value for value in pool if value != other_than])

    customer = pick(lexicon["names"])
    kinds = None if scenario.products == "any" else set(lexicon[scenario.products].split(", "))
    item = pick(lexicon["products"], invent=False, among=kinds)
    item2 = pick(lexicon["products"], invent=False, other_than=item)
    price = (lexicon["products"]["seen"] | lexicon["products"]["held_out"])[item]
    if "{item}" not in scenario.opening[0]["says"] and "{a_item}" not in scenario.opening[0]["says"]:
        price = rng.choice([40, 60, 90, 120])
    day, day2, last = rng.sample(lexicon["weekdays"].split(), 3)
    months = lexicon["months"].split()
    when = (
        f"last {last}",
        f"{rng.choice(lexicon['counts'].split())} weeks ago",
        f"{rng.choice(lexicon['counts'].split())} days ago",
        f"on {rng.choice(months)} {rng.randint(1, 28)}",
    )
    region = rng.choice(lexicon["cities"])
    place = pick(region)
    counts = rng.sample(lexicon["counts"].split(), 4)
    streets, ways = lexicon["streets"].split(), ["Street", "Road", "Lane"]
    return {
        "C": customer,
        "A": pick(lexicon["names"], other_than=customer),
        "company": f"{pick(lexicon['companies'])} {rng.choice(lexicon['trades'][scenario.company].split())}",
        "item": item,
        "a_item": with_article(item),
        "item2": item2,
        "a_item2": with_article(item2),
        "when": rng.choice(when),
        "day": day,
        "day2": day2,
        "date": f"{rng.choice(months)} {rng.randint(1, 28)}",
        "time": rng.choice(["8 am", "9 am", "10 am", "11 am", "1 pm", "2 pm", "3 pm", "4 pm", "5 pm", "6 pm"]),
        "open_from": f"{rng.randint(7, 10)} am",
        "open_until": f"{rng.randint(5, 9)} pm",
        "number_name": scenario.number,
        "number": _reference_number(rng),
        "amount": f"${round(price * rng.uniform(0.8, 1.2))}",
        "fee": f"${rng.randint(5, 29)}",
        "pct": str(rng.choice([10, 15, 20, 25, 30, 40])),
        "n": counts[0],
        "n2": counts[1],
        "months": counts[2],
        "count": counts[3],
        "place": place,
        "place2": pick(region, other_than=place),
        "street": f"{rng.randint(2, 99)} {rng.choice(streets)} {rng.choice(ways)}",
    }


def _listed(values: str | dict[str, Any]) -> list[str]:
    return values.split() if isinstance(values, str) else list(values)


def _reference_number(rng: random.Random) -> str:
    """Five different digits, the first not zero: two of a kind side by side are hard to read out."""
    first = rng.choice("123456789")
    return first + "".join(rng.sample([digit for digit in "0123456789" if digit != first], 4))


def with_article(noun: str) -> str:
    """a kettle, an office chair."""
    return f"{'an' if noun[0] in 'aeiou' else 'a'} {noun}"


@cache
def vocabulary() -> tuple[str, ...]:
    """Every name, product, company word and city, held-out ones included: what a tokenizer keeps in one piece."""
    lexicon = _read("lexicon")
    words = [lexicon["names"], lexicon["companies"], *lexicon["cities"]]
    listed = [word for values in words for part in ("seen", "held_out") for word in values[part].split()]
    products = [word for part in lexicon["products"].values() for name in part for word in name.split()]
    trades = [word for names in lexicon["trades"].values() for word in names.split()]
    return (*listed, *products, *trades)
