"""The comparison in a few sentences, computed from its numbers."""

import statistics
from dataclasses import asdict
from typing import Any

from pipeline.evaluation.baseline_differences import floors_not_passed
from pipeline.evaluation.differences import format_p
from pipeline.evaluation.known_comparison import Comparison, System
from pipeline.evaluation.open_questions import describe_interval, undecided_difference, undecided_margin
from pipeline.evaluation.pairs import find_pair
from pipeline.evaluation.recommendation import (
    FEW_EXAMPLES,
    MIN_EXAMPLES,
    Candidate,
    cheapest,
    is_cheaper,
    judge_candidates,
)


def verdict(comparison: dict[str, Any]) -> list[str]:
    """Sentences: the best adapter and full fine-tuning, which method to ship, what is open, what the numbers omit.

    Without any method: which external system scores best. Where all score zero there is nothing to choose from.
    """
    known = Comparison.from_json(comparison)
    if known.systems and not any(known.points(row) > 0 for row in known.systems.values()):
        return [f"Nothing is recommended: no system has a point of {known.title}."]
    if not known.methods:
        return [*_best_external(known), *_few_examples(known)]
    compared = _adapter_and_full(known)
    sentences = [_adapter_sentence(known, *compared)] if compared else []
    return [*sentences, *_recommendation(known, set(compared)), *_few_examples(known), *_seeds(known)]


def _adapter_and_full(known: Comparison) -> tuple[str, ...]:
    """The best method that trains a part of the model and the best that trains all of it; nothing without either."""
    adapters = [name for name, row in known.trained.items() if row["needs_base"]]
    whole = [name for name, row in known.trained.items() if not row["needs_base"]]
    return (adapters[0], whole[0]) if adapters and whole else ()


def _adapter_sentence(known: Comparison, adapter: str, full: str) -> str:
    best, whole = known.methods[adapter], known.methods[full]
    share = 100 * known.points(best) / known.points(whole) if known.points(whole) else 0.0
    return (
        f"{adapter} reaches {share:.0f} % of full fine-tuning's {known.title} with {100 * best['share']:.2g} % of the "
        f"parameters; {known.describe_difference(adapter, full)}."
    )


def _recommendation(known: Comparison, described: set[str]) -> list[str]:
    """The recommended method with its reason and its warnings, what is open, and an external system that is better.

    described: two methods whose difference an earlier sentence gave.
    """
    best, *others = known.methods
    if known.examples < MIN_EXAMPLES:
        return [
            f"No method is recommended: {known.examples} test examples are too few to choose by, {MIN_EXAMPLES} are "
            f"needed. {best} scores best."
        ]
    if floors := floors_not_passed(known.methods[best]["minus_baselines"]):
        return [_below_floors(known.methods[best], floors)]
    if not others:
        return [f"Only {best} was measured: there is nothing to choose from.", *_better_external(known, best)]
    candidates = judge_candidates(list(known.methods), known.pairs)
    admitted = [
        name
        for name, row in known.methods.items()
        if candidates[name].admitted and not floors_not_passed(row["minus_baselines"])
    ]
    if not admitted:
        worst = format_p(candidates[best].p_holm)
        sentence = f"No method is recommended: none is shown to lose less than {known.needs} to every other"
        return [f"{sentence} ({best} scores best, corrected {worst}).", *_open(known, candidates, best)]
    chosen = cheapest(admitted, known.methods)
    reason = _reason(known, chosen, best, candidates[chosen])
    if chosen != best and {chosen, best} != described:
        reason += f"; {known.describe_difference(best, chosen)}"
    warnings = "".join(f" Warning: {warning}." for warning in known.methods[chosen].get("warnings", []))
    once = " for these trainings" if known.trained_once else ""
    return [
        f"Recommended{once}: {chosen}, {reason}.{warnings}",
        *_open(known, candidates, chosen),
        *_better_external(known, chosen),
    ]


def _below_floors(row: System, floors: list[str]) -> str:
    each = [f"{name} ({describe_interval(row['minus_baselines'][name])})" for name in floors]
    return f"No method is recommended: {row['name']} scores best, but is not shown to be above {' and '.join(each)}."


def _reason(known: Comparison, chosen: str, best: str, candidate: Candidate) -> str:
    if chosen != best:
        return (
            f"the cheapest method that is shown to lose less than {known.needs} to every other (corrected "
            f"{format_p(candidate.p_holm)})"
        )
    if any(is_cheaper(name, best, known.methods) for name in known.methods if name != best):
        return f"which scores best; no cheaper method is shown to lose less than {known.needs}"
    return "which scores best and is the cheapest"


def _open(known: Comparison, candidates: dict[str, Candidate], chosen: str) -> list[str]:
    """The question whose answer could change the choice, and what would settle it: at most one sentence.

    First a cheaper method of which neither is shown, that it loses the margin or that it does not; then which of the
    two best methods is better.
    """
    for candidate in candidates.values():
        pair = find_pair(known.pairs, candidate.name, candidate.toughest)
        undecided = not candidate.admitted and pair.estimate.high > -known.margin
        passes = not floors_not_passed(known.methods[candidate.name]["minus_baselines"])
        if undecided and passes and (candidate.name == chosen or is_cheaper(candidate.name, chosen, known.methods)):
            needed = undecided_margin(pair, known.margin, known.examples, len(candidates))
            return [
                f"Open: whether {pair.first} loses less than {known.margin:g} points to {pair.second} "
                f"({describe_interval(asdict(pair.estimate))}); {needed}."
            ]
    best, second, *_ = known.methods
    pair = find_pair(known.pairs, best, second)
    if pair.estimate.significant:
        return []
    needed = undecided_difference(pair, known.examples, len(known.pairs))
    return [f"Open: which of {best} and {second} is better; {needed}."]


def _better_external(known: Comparison, chosen: str) -> list[str]:
    """The best external system, where it is significantly better."""
    if not known.external:
        return []
    pair = find_pair(known.pairs, known.external[-1], chosen)
    if not pair.estimate.significant or pair.estimate.difference < 0:
        return []
    return [f"The external system {pair.first} is better: {known.describe_difference(pair.first, chosen)}."]


def _best_external(known: Comparison) -> list[str]:
    """The best external system compared with the second."""
    if len(known.external) < 2:
        return []
    second, best = known.external[-2:]
    return [f"{best} scores best; over {second} {known.describe_difference(best, second)}."]


def _few_examples(known: Comparison) -> list[str]:
    """A warning where intervals and p-values are rough."""
    if known.examples >= FEW_EXAMPLES:
        return []
    return [f"The intervals are rough: {known.examples} test examples are fewer than {FEW_EXAMPLES}."]


def _seeds(known: Comparison) -> list[str]:
    """How far seeds move the trained methods, or that there was one."""
    if not known.trained:
        return []
    if known.trained_once:
        return ["Each method was trained once: these intervals do not include what another seed would change."]
    by_seed = {
        name: [scores[known.metric] for scores in row["by_seed"].values()] for name, row in known.trained.items()
    }
    each = ", ".join(
        f"{statistics.fmean(values):.1f} ± {statistics.stdev(values):.1f} for {name}"
        for name, values in by_seed.items()
    )
    count = len(next(iter(by_seed.values())))
    few = " Two seeds say little about how far seeds differ: use three or more." if count == 2 else ""
    return [f"Over {count} seeds {known.title} is {each} (mean ± standard deviation over seeds).{few}"]
