"""The tokens of a vocabulary by name, also those that no text has: special ones, and rows that nothing uses."""

import re
from typing import Any

SPACE = "▁"  # as sentencepiece writes it: where a word begins
WORD_BEGINS = (SPACE, "Ġ")
UNUSED = re.compile(r"[<\[|{]+\w*(unused|reserved|placeholder|dummy)\w*[>\]|}]+|madeupword\d+", re.IGNORECASE)


class TokenNames:
    """Of the rows of a model's embeddings, which may be more than its tokenizer has tokens."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer
        self.pieces = {token: piece for piece, token in tokenizer.get_vocab().items()}
        added = tokenizer.added_tokens_decoder
        self.special = {*tokenizer.all_special_ids, *(token for token, one in added.items() if one.special)}

    def piece(self, token: int) -> str | None:
        """A token as the tokenizer has it; None of a row that is no token of it."""
        if token in self.pieces:
            return self.pieces[token]
        try:  # M2M100 has its languages beside its vocabulary
            found = self.tokenizer.convert_ids_to_tokens(token)
        except (IndexError, KeyError, OverflowError):
            return None
        return None if found in (None, "", self.tokenizer.unk_token) else found

    def is_unused(self, token: int) -> bool:
        """Whether a row is no token, or one that a name like [unused7] keeps free."""
        found = self.piece(token)
        return found is None or UNUSED.fullmatch(found) is not None

    def is_ordinary(self, token: int) -> bool:
        """Whether a token is a part of texts."""
        return token not in self.special and not self.is_unused(token)

    def name(self, token: int) -> str:
        """A token as readers see it: `▁order` begins a word, `ing` goes on; `</s> (special)`, `row 2560 (unused)`."""
        if self.is_unused(token):
            return f"{self.piece(token) or f'row {token}'} (unused)"
        return f"{self._visible(token)} (special)" if token in self.special else self._visible(token)

    def _visible(self, token: int) -> str:
        """Its text, spaces as `▁`, what cannot be seen as an escape, and a part of a letter as the tokenizer has it."""
        piece = self.piece(token) or ""
        options = {"skip_special_tokens": False, "clean_up_tokenization_spaces": False}
        text = self.tokenizer.decode([token], **options).replace(" ", SPACE)
        if not text or "\ufffd" in text:
            text = piece
        if piece.startswith(WORD_BEGINS) and not text.startswith((*WORD_BEGINS, "\n", "\t")):
            text = SPACE + text
        return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)
