"""Which errors do the diagnostics see? Errors of known kinds are planted in people's references, one at a time.

    python -m benchmarks.planted_errors data/records/test.jsonl [--language en]

Each reference is a summary that is right. The first rows say how often it is flagged as it is: a false alarm, or an
error of its writer. The others say how often a planted error is found that was not flagged before.
"""

import argparse
import random
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.evaluation.diagnostics import has_repeats
from pipeline.evaluation.entities import DAYS, Entities, find_entities, said_forms, unsupported_entities
from pipeline.evaluation.number_words import CLAIMS
from pipeline.evaluation.predictions import read_references
from pipeline.evaluation.words import sentences
from pipeline.reporting import markdown
from pipeline.reporting.cells import Count, Percent, Text
from pipeline.reporting.page import Column, Table, build_table

WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
UNSEEN = ("Ottoline", "Thaddeus", "Quillon", "Zephrine", "Barnaby", "Wilhelmina")  # those of them that no text has
TAG = r"#\w+#"


@dataclass(frozen=True)
class Reference:
    """A reference with what an error may take: the words of its dialogue and the names of all others."""

    text: str
    record: dict[str, Any]
    said: frozenset[str]  # forms of the dialogue's words
    own_names: list[str]  # names and tags of the dialogue
    other_names: list[str]  # names of other dialogues' references that this one does not have
    unseen: list[str]
    others: list[str]  # references of other dialogues
    entities: Entities

    def names(self) -> list[re.Match[str]]:
        """Where the reference mentions a name or a tag."""
        return _find([*map(re.escape, sorted(set(self.entities.names(self.text)))), TAG], self.text)


Plant = Callable[[Reference, random.Random], str | None]  # the reference with an error, None where it has no place


def name_of_another_dialogue(reference: Reference, rng: random.Random) -> str | None:
    return _rename(reference, reference.names(), reference.other_names, rng)


def unseen_name(reference: Reference, rng: random.Random) -> str | None:
    places = [place for place in reference.names() if not _begins_sentence(place)]
    return _rename(reference, places, reference.unseen, rng)


def unseen_name_at_the_start(reference: Reference, rng: random.Random) -> str | None:
    return _rename(reference, list(filter(_begins_sentence, reference.names())), reference.unseen, rng)


def other_digits(reference: Reference, rng: random.Random) -> str | None:
    changed = [
        (place, other)
        for place in re.finditer(r"(?<!\w)\d[\d,.:]*(?!\w)", reference.text)
        for digit in "123456789"
        if (other := digit + place[0][1:]) != place[0] and other.rstrip(",.:").replace(",", "") not in reference.said
    ]
    return _replace(*rng.choice(changed)) if changed else None


def other_number_word(reference: Reference, rng: random.Random) -> str | None:
    places = _find(sorted(CLAIMS), reference.text)
    return _rename(reference, places, [word for word in sorted(CLAIMS) if word not in reference.said], rng)


def other_day(reference: Reference, rng: random.Random) -> str | None:
    changed = [
        (place, day)
        for days in (sorted(DAYS), WEEKDAYS)
        for place in _find(days, reference.text)
        for day in days
        if day != place[0] and day.lower() not in reference.said
    ]
    return _replace(*rng.choice(changed)) if changed else None


def reference_of_another_dialogue(reference: Reference, rng: random.Random) -> str | None:
    return rng.choice(reference.others) if reference.others else None


def sentence_twice(reference: Reference, rng: random.Random) -> str | None:
    if has_repeats(reference.text):
        return None
    sentence = rng.choice(sentences(reference.text, reference.entities.language).split("\n"))
    return f"{reference.text} {sentence}"


def other_name_of_the_dialogue(reference: Reference, rng: random.Random) -> str | None:
    return _rename(reference, reference.names(), reference.own_names, rng)


def swapped_roles(reference: Reference, rng: random.Random) -> str | None:
    """The first two that are mentioned, one for the other."""
    mentioned = list(dict.fromkeys(place[0] for place in reference.names()))
    if len(mentioned) < 2:
        return None
    first, second = mentioned[:2]
    swap = {first: second, second: first}
    return re.sub(TAG + r"|\w+", lambda word: swap.get(word[0], word[0]), reference.text)


def negated(reference: Reference, rng: random.Random) -> str | None:
    """Somebody never does what they do."""
    places = [place for place in reference.names() if re.match(r" [a-z]+s\b", reference.text[place.end() :])]
    return _replace(places[0], f"{places[0][0]} never") if places else None


KINDS: dict[str, Plant] = {
    "name of another dialogue": name_of_another_dialogue,
    "unseen name inside a sentence": unseen_name,
    "unseen name at the start of a sentence": unseen_name_at_the_start,
    "other digits": other_digits,
    "other number word": other_number_word,
    "other day": other_day,
    "reference of another dialogue": reference_of_another_dialogue,
    "a sentence twice": sentence_twice,
    "another name of the same dialogue": other_name_of_the_dialogue,
    "roles swapped": swapped_roles,
    "negated": negated,
}
UNSUPPORTED, REPEATS = "none: unsupported entities", "none: repeats"  # of the references as they are


def _find(words: Any, text: str) -> list[re.Match[str]]:
    return list(re.finditer(rf"(?<![\w#])(?:{'|'.join(words)})(?![\w#])", text))


def _begins_sentence(place: re.Match[str]) -> bool:
    return not place.string[: place.start()].strip() or place.string[: place.start()].rstrip()[-1] in ".!?"


def _replace(place: re.Match[str], word: str) -> str:
    return place.string[: place.start()] + word + place.string[place.end() :]


def _rename(reference: Reference, places: list[re.Match[str]], names: list[str], rng: random.Random) -> str | None:
    """One of the places with one of the names, which it does not have."""
    choices = [(place, name) for place in places for name in names if name not in reference.text]
    return _replace(*rng.choice(choices)) if choices else None


def read(records: list[dict[str, Any]], language: str) -> Iterator[Reference]:
    """Every reference of the records."""
    texts = [text for record in records for text in (record["dialogue"], *record["references"])]
    entities = find_entities(texts, language)
    everything = "\n".join(texts)
    names = {
        record["id"]: {name for text in record["references"] for name in entities.names(text)} for record in records
    }
    known = sorted(set().union(*names.values()))
    for record in records:
        said = said_forms(record["dialogue"], language)
        for text in record["references"]:
            yield Reference(
                text=text,
                record=record,
                said=said,
                own_names=sorted({*entities.names(record["dialogue"]), *re.findall(TAG, record["dialogue"])}),
                other_names=[name for name in known if name.lower() not in said],
                unseen=[name for name in UNSEEN if name not in everything],
                others=[other["references"][0] for other in records if other is not record],
                entities=entities,
            )


def flags(reference: Reference, text: str) -> set[str]:
    """What the diagnostics say of a text: its unsupported entities, and REPEATS."""
    found = set(unsupported_entities(text, reference.record["dialogue"], reference.entities))
    return found | ({REPEATS} if has_repeats(text) else set())


def plant(records: list[dict[str, Any]], language: str, seed: int = 0) -> dict[str, list[bool]]:
    """Kind of error -> whether each planted one was found; where none was planted, whether a reference is flagged."""
    found: dict[str, list[bool]] = {kind: [] for kind in (UNSUPPORTED, REPEATS, *KINDS)}
    rng = random.Random(seed)
    for reference in read(records, language):
        before = flags(reference, reference.text)
        found[UNSUPPORTED].append(bool(before - {REPEATS}))
        found[REPEATS].append(REPEATS in before)
        for kind, planted in KINDS.items():
            text = planted(reference, rng)
            if text is not None:
                found[kind].append(bool(flags(reference, text) - before))
    return found


def table(found: dict[str, list[bool]]) -> Table:
    """A row for each kind of error that had a place."""
    return build_table(
        "Planted errors",
        [
            (Column("planted error", align="left"), lambda row: Text(row[0])),
            (Column("references"), lambda row: Count(len(row[1]))),
            (Column("flagged"), lambda row: Percent(100 * sum(row[1]) / len(row[1]), 1)),
        ],
        [(kind, hits) for kind, hits in found.items() if hits],
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.planted_errors",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("records", type=Path)
    parser.add_argument("--language", default="en")
    arguments = parser.parse_args()
    records = list(read_references(arguments.records, "dialogue").values())
    print(markdown.table(table(plant(records, arguments.language))))


if __name__ == "__main__":
    main()
