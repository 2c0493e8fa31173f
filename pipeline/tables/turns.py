"""Dialogues that are lists of turns, and conversations of a chat: how they become one text.

A turn is a text, or an object with its text and, optionally, its speaker. A dialogue's text has a line for each turn,
"Speaker: text" where there is a speaker.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from pipeline.core.errors import InputError
from pipeline.core.messages import listed, shown
from pipeline.tables.values import is_missing, text_of

# In the order in which they are looked for; upper or lower case does not matter.
SPEAKER_KEYS = ("speaker", "role", "from", "name", "author", "sender")
TEXT_KEYS = ("text", "content", "value", "utterance", "utt", "message", "parts")
SYSTEM, USER, ASSISTANT = ("system", "developer"), ("user", "human"), ("assistant", "gpt", "model", "bot")


@dataclass(frozen=True)
class Turn:
    """What one speaker said; speaker is "" where there is none."""

    speaker: str
    text: str

    def line(self) -> str:
        """The turn as it is in the dialogue's text; a text that already begins with its speaker is left as it is."""
        named = not self.speaker or self.text.startswith(f"{self.speaker}:")
        return self.text if named else f"{self.speaker}: {self.text}"


def is_turn(value: object) -> bool:
    """Whether an object looks like a turn: a speaker and a text."""
    if not isinstance(value, dict):
        return False
    keys = {str(key).lower() for key in value}
    return bool(keys & set(SPEAKER_KEYS)) and bool(keys & set(TEXT_KEYS))


def read_turns(value: list[Any], speakers: list[Any] | None, where: str) -> list[Turn]:
    """The turns of a list, those without a text left out. Raises InputError with the turn that cannot be read.

    `speakers` is the list beside it that names the speaker of each turn, or None.
    """
    turns = [read_turn(one, f"{where}: turn {number}") for number, one in enumerate(value, start=1)]
    if speakers is not None:
        if len(speakers) != len(turns):
            raise InputError(f"{where} has {len(turns)} turns, but the list of their speakers has {len(speakers)}")
        turns = [Turn(_speaker(name, where), turn.text) for name, turn in zip(speakers, turns)]
    return [turn for turn in turns if turn.text]


def by_column(value: dict[str, Any], where: str) -> tuple[list[Any], list[Any] | None]:
    """The texts and the speakers of an object of lists, which is how `datasets` keeps a list of objects."""
    lists = {str(key).lower(): inner for key, inner in value.items() if isinstance(inner, list)}
    texts = next((lists[key] for key in TEXT_KEYS if key in lists), None)
    if texts is None:
        raise InputError(f"{where} holds {shown(value)}, expected text or a list of turns")
    return texts, next((lists[key] for key in SPEAKER_KEYS if key in lists), None)


def dialogue_text(turns: list[Turn]) -> str:
    """A line for each turn. What a user alone said to a chat model is the dialogue itself."""
    if len(turns) == 1 and turns[0].speaker.lower() in USER:
        return turns[0].text
    return "\n".join(turn.line() for turn in turns)


def split_chat(messages: list[Any], where: str) -> tuple[str, str, Counter[str]]:
    """A conversation with a chat model as dialogue and summary, and what was left out.

    The summary is the assistant's last message, and the dialogue all that comes before it. System messages are
    instructions; the template gives its own. Raises InputError where the last message is not the assistant's.
    """
    turns = [read_turn(one, f"{where}: message {number}") for number, one in enumerate(messages, start=1)]
    said = [turn for turn in turns if turn.speaker.lower() not in SYSTEM]
    if not said or said[-1].speaker.lower() not in ASSISTANT:
        last = f"is of {shown(said[-1].speaker)}" if said else "is missing"
        raise InputError(f"{where}: the last message {last}, expected the assistant's, which is the summary")
    before = [turn for turn in said[:-1] if turn.text]
    left_out = {"system messages": len(turns) - len(said), "turns without text": len(said) - 1 - len(before)}
    return dialogue_text(before), said[-1].text, Counter(left_out)


def read_turn(value: object, where: str) -> Turn:
    """A turn that is a text, or an object with one."""
    if not isinstance(value, dict):
        return Turn("", text_of(value, where))
    lower = {str(key).lower(): inner for key, inner in value.items()}
    present = [key for key in TEXT_KEYS if key in lower]
    if not present:
        raise InputError(f"{where} has {listed(value)}, but no {' nor '.join(TEXT_KEYS)}")
    if lower.get("tool_calls") or lower.get("function_call"):
        raise InputError(f"{where} calls a tool; only text can be read")
    text = next((lower[key] for key in present if not is_missing(lower[key])), None)
    speaker = next((lower[key] for key in SPEAKER_KEYS if not is_missing(lower.get(key))), "")
    text = _joined_parts(text, where) if isinstance(text, list) else text_of(text, where)
    return Turn(_speaker(speaker, where), text)


def _speaker(value: object, where: str) -> str:
    if isinstance(value, int) and not isinstance(value, bool):
        return str(value)
    return " ".join(text_of(value, f"{where}: the speaker").split())


def _joined_parts(parts: list[Any], where: str) -> str:
    """The texts of a message's parts, a line each; parts of other kinds (images, audio) are refused."""
    texts = []
    for part in parts:
        if isinstance(part, dict) and part.get("type", "text") != "text":
            raise InputError(f"{where} has a part of the type {shown(part['type'])}; only text can be read")
        texts.append(text_of(part.get("text") if isinstance(part, dict) else part, where))
    return "\n".join(text for text in texts if text)
