"""What a tokenizer says about itself: its control tokens, what it puts around a completion, where its pieces are."""

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.core.errors import InputError
from pipeline.models.chat import Chat, render, template_source

if TYPE_CHECKING:
    from pipeline.models.architectures.base import LanguageModel

NAMED = ("bos_token", "eos_token", "unk_token", "sep_token", "pad_token", "cls_token", "mask_token")


def load_tokenizer(folder: Path) -> Any:
    """The tokenizer of a model folder.

    Without an end token the separator ends a text, as in BERT's; without a pad token the end token pads.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    if tokenizer.eos_token_id is None and tokenizer.sep_token_id is not None:
        tokenizer.eos_token = tokenizer.sep_token
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def control_tokens(tokenizer: Any, chat: Chat | None) -> tuple[str, ...]:
    """The tokens that say how a text is built and not what it says, by their numbers.

    Those with a role (end, padding, unknown ...), those that the chat template writes, and languages. Others that were
    added, like <speaker1>, are a person's or a model's own words.
    """
    roles = {tokenizer.special_tokens_map.get(role) for role in NAMED}
    written = chat_markup(tokenizer, chat) if chat else ""
    multilingual = hasattr(tokenizer, "src_lang")
    return tuple(
        added.content
        for added in tokenizer.added_tokens_decoder.values()
        if added.content in roles or added.content in written or (multilingual and added.special)
    )


def chat_markup(tokenizer: Any, chat: Chat) -> str:
    """A chat template and what it makes of a short conversation, or of one request where it takes no more."""
    roles = (("user", "a"), ("assistant", "b"), ("user", "c"))
    turns = [{"role": role, "content": content} for role, content in roles]
    try:
        text = render(tokenizer, turns, chat)
    except InputError:
        text = render(tokenizer, turns[:1], chat)
    return template_source(tokenizer, chat) + text


def escape_control_tokens(text: str, tokens: Iterable[str]) -> str:
    """A text that holds <|im_end|> or the like, changed so that it cannot end its own turn."""
    for token in tokens:
        text = text.replace(token, f"{token[0]} {token[1:]}")
    return text


def tags(model: "LanguageModel", texts: Iterable[str]) -> set[str]:
    """The special tokens that are words of these texts: added on purpose, no control tokens."""
    special = [added.content for added in model.tokenizer.added_tokens_decoder.values() if added.special]
    words = [token for token in special if token not in model.control_tokens]
    return {word for text in texts for word in words if word in text} if words else set()


def encode(text: str, model: "LanguageModel", special: bool) -> tuple[str, list[int], list[tuple[int, int]] | None]:
    """A plain text's ids; `special` adds the tokenizer's own around it, but no end where the model goes on after it.

    Names of control tokens in it are plain text, and its tags are tokens. Returns the text that the offsets refer to,
    the ids and each one's offsets; None where the tokenizer knows none.
    """
    tagged = bool(tags(model, [text]))
    if tagged:  # the tokenizer splits all special tokens or none
        text = escape_control_tokens(text, model.control_tokens)
    ids, offsets = _tokenize(text, model.tokenizer, add_special_tokens=special, split_special_tokens=not tagged)
    if special and not model.reads_end_of_prompt:
        length = len(ids) - len(model.prompt_frame[1])
        ids, offsets = ids[:length], offsets and offsets[:length]
    return text, ids, offsets


def encode_chat(text: str, model: "LanguageModel") -> tuple[str, list[int], list[tuple[int, int]] | None]:
    """The same of a text that a chat template has written; only there are control tokens what they say."""
    return text, *_tokenize(text, model.tokenizer, add_special_tokens=False, split_special_tokens=False)


def _tokenize(text: str, tokenizer: Any, **options: bool) -> tuple[list[int], list[tuple[int, int]] | None]:
    encoded = tokenizer(text, return_offsets_mapping=tokenizer.is_fast, verbose=False, **options)
    return list(encoded["input_ids"]), encoded.get("offset_mapping")


def frame(tokenizer: Any, argument: str) -> tuple[list[int], list[int]]:
    """The tokens that a tokenizer puts before and after a text: a start or a language, an end.

    argument: of the tokenizer, `text` for a prompt and `text_target` for a completion.
    """
    bare = tokenizer("a", add_special_tokens=False)["input_ids"]
    framed = tokenizer(**{argument: "a"}, add_special_tokens=True)["input_ids"]
    for start in range(len(framed) - len(bare) + 1):
        if framed[start : start + len(bare)] == bare:
            return framed[:start], framed[start + len(bare) :]
    return [], []


def decode(ids: list[int], model: "LanguageModel", kept: set[str]) -> str:
    """Ids as text, without outer spaces and without special tokens, but for those in `kept`.

    Without the completion's frame too: M2M100's languages are no special tokens to its tokenizer.
    """
    tokenizer, before = model.tokenizer, model.completion_frame[0]
    if before and ids[: len(before)] == before:
        ids = ids[len(before) :]
    if not kept:
        return tokenizer.decode(ids, skip_special_tokens=True).strip()
    added = tokenizer.added_tokens_decoder
    left_out = {token for token, one in added.items() if one.special and one.content not in kept}
    return tokenizer.decode([token for token in ids if token not in left_out], skip_special_tokens=False).strip()
