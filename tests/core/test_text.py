"""Half characters, wherever they are."""

import pytest

from pipeline.core.errors import InputError
from pipeline.core.text import half_character, refuse_half_characters, shorten


def test_half_a_character_is_found():
    assert half_character("Hi 😀 日本語") is None
    assert half_character("Hi \ud83d") == 3
    assert half_character("\udc00") == 0


@pytest.mark.parametrize(
    ("value", "where"),
    [
        ("Hi \ude00", "f:3"),
        ({"id": "1", "dialogue": "Hi \ud83d!"}, "f:3: dialogue"),
        ({"turns": ["Hi", {"text": "Oh \ud83d"}]}, "f:3: turns: text"),
        ({"a\ud83d": 1}, "f:3"),
        (("Hi", "\ud83d"), "f:3"),
    ],
)
def test_half_a_character_is_refused_with_its_place(value, where):
    with pytest.raises(InputError, match=rf"^{where}: half a character \(U\+D"):
        refuse_half_characters(value, "f:3")


def test_whole_texts_and_other_values_pass():
    refuse_half_characters({"id": 1, "text": "😀", "more": [None, 2.5, True, {"x": "é"}]}, "f:3")


def test_a_long_text_is_shortened_to_its_end():
    assert shorten("a\nb  c") == "a b c"
    assert shorten("x" * 100 + " end") == "..." + "x" * 33 + " end"
