"""The sentences of a pull request's page: what changed significantly, and how each difference was tested."""

from pipeline.evaluation.bootstrap import ALPHA
from pipeline.evaluation.differences import signed
from pipeline.evaluation.run_diff import ScoreChange
from pipeline.evaluation.tasks import METRICS
from pipeline.reporting.page import Prose, Strong, Words, counted


def headline(changes: list[ScoreChange]) -> Prose:
    """A sentence or two: what changed significantly, and how much else did."""
    significant = [change for change in changes if change.significant]
    tested = [change for change in changes if change.difference and not change.significant]
    not_comparable = [change for change in changes if change.how == "not comparable"]
    words: list[Words] = []
    first = {change.system: change for change in reversed(significant)}  # the first of each system
    named = [change for change in significant if first[change.system] is change]
    for once, label in ((False, "Significant"), (True, "Significant for these two trainings")):
        if listed := [_describe(change) for change in named if _trained_once(change) == once]:
            words.append(Strong(f"{label}: {', '.join(listed)}."))
    if any(map(_trained_once, named)):
        words.append("Another seed may not show it.")
    if tested and not significant:
        widest = max(tested, key=lambda change: abs(change.difference.difference) if change.difference else 0.0)
        words.append(Strong(f"No difference is significant; the largest is {_describe(widest)}{_range(widest)}."))
    if tested:
        verb = "is" if len(tested) == 1 else "are"
        words.append(f"{counted(len(tested), 'changed score')} {verb} not significant.")
    if not_comparable:
        words.append(Strong(f"{counted(len(not_comparable), 'score')} can't be compared with the base's."))
    for how in ("new", "removed"):
        if names := _systems(changes, how):
            words.append(f"{', '.join(names)} {'is' if len(names) == 1 else 'are'} {how}.")
    if not words:
        words.append(Strong("No score changed."))
    return Prose(tuple(part for word in words for part in (" ", word))[1:])


def _trained_once(change: ScoreChange) -> bool:
    return change.difference is not None and change.difference.seeds == 1


def _range(change: ScoreChange) -> str:
    return f" [{signed(change.difference.low)}, {signed(change.difference.high)}]" if change.difference else ""


def _describe(change: ScoreChange) -> str:
    difference = change.difference.difference if change.difference else 0.0
    return f"{change.system} {METRICS[change.metric].title} {signed(difference)}"


def explanations(changes: list[ScoreChange]) -> list[str]:
    """Sentences below the scores: how they were tested, what could not be, and what is new or removed."""
    sentences = []
    tested = [change for change in changes if change.difference]
    corrected = f"p corrected for {counted(len(tested), 'difference')} (Holm), significant below {ALPHA}"
    paired = [change for change in changes if change.how == "paired"]
    for how in dict.fromkeys(map(_how_paired, paired)):
        names = list(dict.fromkeys(change.system for change in paired if _how_paired(change) == how))
        sentences.append(f"{', '.join(names)}: paired over {how}; {corrected}.")
    if names := _systems(changes, "unpaired"):
        sentences.append(
            f"{', '.join(names)}: unpaired, from the 95 % intervals in reports/comparison.json, which is less "
            f"sensitive, because the scores of each example can't be read on both sides; {corrected}."
        )
    for reason in dict.fromkeys(change.reason for change in changes if change.reason):
        names = list(dict.fromkeys(change.system for change in changes if change.reason == reason))
        sentences.append(f"{', '.join(names)}: not comparable: {reason}.")
    return sentences + [_one_sided(changes, how, name) for how in ("new", "removed") for name in _systems(changes, how)]


def _how_paired(change: ScoreChange) -> str:
    """What a paired difference is over, and how it was tested."""
    examples, seeds = counted(change.examples, "example"), change.difference.seeds if change.difference else 0
    bootstrap = "bootstrap interval and approximate randomization"
    if change.added_sd is not None:
        return (
            f"{examples} of one training each, with the variance of seeds added as {seeds} seeds show it (Student's t)"
        )
    if seeds > 1:
        return f"{seeds} seeds and {examples} (Student's t)"
    return f"{examples}{' of one training each' if seeds else ''}, {bootstrap}"


def _one_sided(changes: list[ScoreChange], how: str, system: str) -> str:
    """The scores of a system that only one side has."""
    scores = ", ".join(
        f"{METRICS[change.metric].title} {change.new if how == 'new' else change.old:.2f}"
        for change in changes
        if change.system == system
    )
    return f"{system} is {how}: {'' if how == 'new' else 'it had '}{scores}."


def _systems(changes: list[ScoreChange], how: str) -> list[str]:
    return list(dict.fromkeys(change.system for change in changes if change.how == how))
