"""Numbers in words and in digits."""

import pytest

from pipeline.evaluation.number_words import other_forms


@pytest.mark.parametrize(
    ("text", "forms"),
    [
        ("seven", {"7"}),
        ("7", {"seven"}),
        ("17", {"seventeen"}),
        ("25", {"twenty", "five"}),
        ("twenty five", {"20", "5", "25"}),
        ("twenty fifteen", {"20", "15"}),
        ("ninety-nine", set()),  # two words of words.words
        ("100", set()),
        ("99", {"ninety", "nine"}),
        ("a dialogue", set()),
    ],
)
def test_a_number_has_another_form(text, forms):
    assert other_forms(text.split()) == forms
