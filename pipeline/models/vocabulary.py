"""The tokens of a vocabulary by name, also those that no text has: special ones, and rows that nothing uses."""

import re
from typing import Any

SPACE = "▁"  # as sentencepiece writes it: where a word begins
WORD_BEGINS = (SPACE, "Ġ")
UNUSED = re.compile(r"[<\[|{]+\w*(unused|reserved|placeholder|dummy)\w*[>\]|}]+|madeupword\d+", re.IGNORECASE)


def special_ids(tokenizer: Any) -> set[int]:
    """The tokens that say how a text is built and not what it says."""
    added = tokenizer.added_tokens_decoder
    return {*tokenizer.all_special_ids, *(token for token, one in added.items() if one.special)}


def piece(tokenizer: Any, token: int) -> str | None:
    """A token as the tokenizer has it; None of a row of the embeddings that is no token of it."""
    if token >= len(tokenizer):
        return None
    try:
        return tokenizer.convert_ids_to_tokens(token) or None
    except (IndexError, KeyError):
        return None


def is_unused(tokenizer: Any, token: int) -> bool:
    """Whether a row is no token, or one that a name like [unused7] keeps free."""
    found = piece(tokenizer, token)
    return found is None or UNUSED.fullmatch(found) is not None


def is_ordinary(tokenizer: Any, token: int, special: set[int]) -> bool:
    """Whether a token is a part of texts; special: `special_ids`."""
    return token not in special and not is_unused(tokenizer, token)


def name(tokenizer: Any, token: int, special: set[int]) -> str:
    """A token as readers see it: `▁order` begins a word, `ing` goes on; `</s> (special)`, `row 2560 (unused)`."""
    if is_unused(tokenizer, token):
        return f"{piece(tokenizer, token) or f'row {token}'} (unused)"
    text = visible(tokenizer, token)
    return f"{text} (special)" if token in special else text


def visible(tokenizer: Any, token: int) -> str:
    """A token's text, with its spaces as `▁` and what cannot be seen as an escape; a part of a letter as it is kept."""
    kept = piece(tokenizer, token) or ""
    text = tokenizer.decode([token], skip_special_tokens=False, clean_up_tokenization_spaces=False).replace(" ", SPACE)
    if not text or "\ufffd" in text:
        text = kept
    if kept.startswith(WORD_BEGINS) and not text.startswith((*WORD_BEGINS, "\n", "\t")):
        text = SPACE + text
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
