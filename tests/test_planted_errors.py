"""Errors planted in references of the bundled calls: what the diagnostics see, and what they do not."""

import pytest

from benchmarks import planted_errors
from pipeline.parameters.support_calls import SupportCalls
from support_calls.write import unseen

SIZES = SupportCalls(seed=17, train=1, validation=1, test=60, questions=0, texts=1, rehearsal=1)
RECORDS = [
    {"id": str(number), "dialogue": call.text(), "references": call.references}
    for number, call in enumerate(unseen(SIZES.seed, "test", SIZES.test, set()))
]
SEEN = (
    *("name of another dialogue", "unseen name inside a sentence", "unseen name at the start of a sentence"),
    *("other digits", "other number word", "other day", "reference of another dialogue", "a sentence twice"),
)
NOT_SEEN = ("another name of the same dialogue", "roles swapped", "negated")


@pytest.fixture(scope="module")
def found():
    return {kind: 100 * sum(hits) / len(hits) for kind, hits in planted_errors.plant(RECORDS, "en").items()}


def test_every_kind_of_error_is_measured(found):
    assert set(found) == {planted_errors.UNSUPPORTED, planted_errors.REPEATS, *SEEN, *NOT_SEEN}


def test_references_are_seldom_flagged(found):
    assert found[planted_errors.UNSUPPORTED] <= 1
    assert found[planted_errors.REPEATS] <= 8


@pytest.mark.parametrize("kind", SEEN)
def test_wrong_names_and_numbers_are_seen(found, kind):
    assert found[kind] >= 95


@pytest.mark.parametrize("kind", NOT_SEEN)
def test_what_the_page_says_is_not_seen_is_not(found, kind):
    assert found[kind] <= 2


def one_reference(text, dialogue="#Person1#: Anna here, I met Bob.\n#Person2#: Fine."):
    records = [
        {"id": "a", "dialogue": dialogue, "references": [text]},
        {"id": "b", "dialogue": "#Person1#: I am Zoe.", "references": ["So Zoe speaks to #Person2#."]},
    ]
    return next(planted_errors.read(records, "en"))


class First:
    """Chance that takes the first."""

    @staticmethod
    def choice(values):
        return values[0]


@pytest.mark.parametrize(
    ("kind", "text", "expected"),
    [
        ("roles swapped", "So Anna calls Bob, who pays Anna's bill.", "So Bob calls Anna, who pays Bob's bill."),
        ("roles swapped", "#Person1# calls #Person2#.", "#Person2# calls #Person1#."),
        ("roles swapped", "They call.", None),
        ("negated", "#Person1# calls #Person2#.", "#Person1# never calls #Person2#."),
        ("name of another dialogue", "So Anna calls Bob.", "So Zoe calls Bob."),
        ("another name of the same dialogue", "So Anna calls Zoe.", "So #Person1# calls Zoe."),
        ("other digits", "It costs $20, not 5.", "It costs $10, not 5."),
        ("other day", "They meet on Monday.", "They meet on Tuesday."),
        ("other day", "They meet today.", "They meet tomorrow."),
        ("other number word", "They wait seven days.", "They wait eight days."),
        ("unseen name at the start of a sentence", "#Person1# calls #Person2#.", "Ottoline calls #Person2#."),
        ("unseen name inside a sentence", "#Person1# calls #Person2#.", "#Person1# calls Ottoline."),
        ("a sentence twice", "They call. They pay it.", "They call. They pay it. They call."),
    ],
)
def test_an_error_is_planted_once(kind, text, expected):
    assert planted_errors.KINDS[kind](one_reference(text), First()) == expected
