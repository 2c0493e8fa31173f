"""Values in messages: a line stays a line, whatever a file holds."""

from collections.abc import Iterable

LONGEST = 80  # characters of a value: enough to find it in a file


def shown(value: object, longest: int = LONGEST) -> str:
    """A value as Python writes it, shortened."""
    text = repr(value[: longest + 1]) if isinstance(value, str) else repr(value)
    return text if len(text) <= longest else f"{text[:longest]}..."


def listed(names: Iterable[object], longest: int = 240) -> str:
    """Names in a row, each shortened; of many the first."""
    texts = [str(name) for name in names]
    first: list[str] = []
    for text in texts:
        text = " ".join(text[:LONGEST].split()) + ("..." if len(text) > LONGEST else "")
        if first and len(", ".join([*first, text])) > longest:
            break
        first.append(text)
    more = f" and {len(texts) - len(first)} more" if len(texts) > len(first) else ""
    return ", ".join(first) + more if texts else "nothing"


def first_line(error: BaseException) -> str:
    """What an error says, in one line of at most 200 characters."""
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]}..."


def join_names(names: list[str]) -> str:
    """One, two and three."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
