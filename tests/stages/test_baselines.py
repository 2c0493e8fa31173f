"""The baselines, on examples small enough to score by hand."""

import pytest

from pipeline import baselines
from pipeline.core import files
from pipeline.core.paths import Paths
from pipeline.evaluation.rouge_bleu import RougeBleu
from pipeline.evaluation.tasks.summarization import lead, longest_turn
from tests.systems import SUMMARIES, settings

ROWS = [
    {
        "id": "a",
        "dialogue": "#Person1#: Hello there.\n#Person2#: I want my money back today, all of it.\n#Person1#: No.",
        "references": ["She wants her money.", "Money is refused."],
    },
    {"id": "b", "dialogue": "One line alone.", "references": ["One line.", "A line.", "Alone."]},
]


def run(folder, rows=ROWS):
    paths = Paths(folder)
    files.write_jsonl(paths.records("test"), rows)
    baselines.run(paths, task=SUMMARIES, score=settings())
    return {path.stem: files.read_json(path) for path in paths.baselines.glob("*.json")}


def test_the_longest_turn_is_the_one_with_most_words():
    assert longest_turn(ROWS[0]["dialogue"], "en") == "#Person2#: I want my money back today, all of it."
    assert longest_turn("One line alone.", "en") == "One line alone."


def test_the_lead_takes_turns_until_it_is_long_enough():
    dialogue = ROWS[0]["dialogue"]
    assert lead(dialogue, 1, "en") == "#Person1#: Hello there."
    assert lead(dialogue, 4, "en") == "#Person1#: Hello there. #Person2#: I want my money back today, all of it."
    assert lead(dialogue, 99, "en") == " ".join(dialogue.split("\n"))


def test_a_dialogue_on_one_line_is_read_by_its_sentences():
    dialogue = "Anna: Hello there. Bob: I want my money back today! Anna: No."
    assert lead(dialogue, 2, "en") == "Anna: Hello there."
    assert longest_turn(dialogue, "en") == "Bob: I want my money back today!"


def test_people_are_scored_against_each_other(tmp_path):
    scores, scorer = run(tmp_path), RougeBleu(True, "en")
    first = [scorer.row(one, [other])["rouge1"] for one, other in (ROWS[0]["references"], ROWS[0]["references"][::-1])]
    one, two, three = ROWS[1]["references"]
    second = [scorer.row(*pair)["rouge1"] for pair in ((one, [two, three]), (two, [one, three]), (three, [one, two]))]
    expected = (sum(first) / 2 + sum(second) / 3) / 2
    assert scores["human"]["scores"]["rouge1"]["mean"] == pytest.approx(expected)
    assert set(scores) == {"human", "lead", "longest_turn"}
    assert "references 1-2:" in scores["human"]["signature"]["rouge"]  # one fewer than a method has
    assert "references 2-3:" in scores["lead"]["signature"]["rouge"]


def test_one_reference_a_dialogue_leaves_no_people_to_compare(tmp_path):
    assert set(run(tmp_path, [ROWS[0] | {"references": ["She wants her money."]}])) == {"lead", "longest_turn"}


def test_a_baseline_has_a_table_of_its_examples_too(tmp_path):
    run(tmp_path)
    each = files.read_parquet(Paths(tmp_path).baselines / "lead.parquet")
    assert [row["id"] for row in each] == ["a", "b"]
    assert all("rouge1" in row for row in each)
