"""The comparison in a few sentences, computed from its numbers."""

from dataclasses import dataclass
from typing import Any

from pipeline.evaluation.bootstrap import ALPHA
from pipeline.evaluation.differences import format_p
from pipeline.evaluation.metrics import METRICS, PRIMARY_METRIC
from pipeline.evaluation.pairs import Pair, find_pair, is_significant, read_pairs, significance_label

TITLE = METRICS[PRIMARY_METRIC].title
System = dict[str, Any]


@dataclass(frozen=True)
class Comparison:
    """What the sentences are computed from; systems are rows of comparison.json by name."""

    systems: dict[str, System]  # methods and external systems
    methods: dict[str, System]
    external: list[str]  # names, the best last
    pairs: list[Pair]
    dialogues: int
    margin: float

    @classmethod
    def from_json(cls, comparison: dict[str, Any]) -> "Comparison":
        systems = sorted(comparison["systems"], key=_points)
        return cls(
            systems={row["name"]: row for row in systems if row["kind"] != "baseline"},
            methods={row["name"]: row for row in comparison["systems"] if row["kind"] == "method"},
            external=[row["name"] for row in systems if row["kind"] == "external"],
            pairs=read_pairs(comparison),
            dialogues=comparison["dialogues"],
            margin=comparison["non_inferiority_margin"],
        )

    @property
    def trained(self) -> dict[str, System]:
        return {name: row for name, row in self.methods.items() if row["trainable_parameters"]}

    def describe_difference(self, first: str, second: str) -> str:
        """first minus second with its interval and what it is called."""
        pair = find_pair(self.pairs, first, second)
        over = pair.over_dialogues
        corrected = "corrected " if len(self.pairs) > 1 else ""
        return (
            f"the difference of {over.difference:+.1f} [{over.low:+.1f}, {over.high:+.1f}] is "
            f"{significance_label(pair)} ({corrected}{format_p(over.p_holm)})"
        )


def verdict(comparison: dict[str, Any]) -> list[str]:
    """Sentences: the best adapter compared with full fine-tuning, which method to ship, and what the numbers omit.

    Without any method: which external system scores best. Where all score zero there is nothing to choose from.
    """
    known = Comparison.from_json(comparison)
    if known.systems and not any(_points(row) > 0 for row in known.systems.values()):
        return [
            f"Nothing is recommended: no system has a point of {TITLE}, so no summary shares a word with a reference."
        ]
    if not known.methods:
        return [*_best_external(known), *_too_few_dialogues(known)]
    compared = _adapter_and_full(known)
    sentences = [_adapter_sentence(known, *compared)] if compared else []
    return sentences + _recommendation(known, set(compared)) + _too_few_dialogues(known) + _seeds(known)


def _adapter_and_full(known: Comparison) -> tuple[str, ...]:
    """The best method that trains a part of the model and the best that trains all of it; nothing without either."""
    by_score = sorted(known.trained, key=lambda name: _points(known.methods[name]))
    adapters = [name for name in by_score if known.methods[name]["needs_base"]]
    whole = [name for name in by_score if not known.methods[name]["needs_base"]]
    return (adapters[-1], whole[-1]) if adapters and whole else ()


def _adapter_sentence(known: Comparison, adapter: str, full: str) -> str:
    best, whole = known.methods[adapter], known.methods[full]
    share = 100 * _points(best) / _points(whole) if _points(whole) else 0.0
    return (
        f"{adapter} reaches {share:.0f} % of full fine-tuning's {TITLE} with {100 * best['share']:.2g} % of the "
        f"parameters; {known.describe_difference(adapter, full)}."
    )


def _recommendation(known: Comparison, described: set[str]) -> list[str]:
    """The recommended method with its reason and its warnings, and an external system that is better.

    described: two methods whose difference an earlier sentence gave.
    """
    best = max(known.methods, key=lambda name: _points(known.methods[name]))
    if below := _floors(known.methods[best]):
        return [f"No method is recommended: {best} scores best, but is {' and '.join(below)}."]
    if len(known.methods) == 1:
        return [f"Only {best} was measured: there is nothing to choose from.", *_better_external(known, best)]
    chosen = _smallest_non_inferior(known, best)
    reason = _reason(known, chosen, best)
    if chosen != best and {chosen, best} != described:
        reason += f"; {known.describe_difference(best, chosen)}"
    warnings = "".join(f" Warning: {warning}." for warning in known.methods[chosen].get("warnings", []))
    return [f"Recommended: {chosen}, {reason}.{warnings}", *_better_external(known, chosen)]


def _smallest_non_inferior(known: Comparison, best: str) -> str:
    """The method above all floors with the fewest trained parameters that loses less than the margin to the best."""
    above = [name for name, row in known.methods.items() if not _floors(row)]
    cheapest_first = sorted(
        above, key=lambda name: (known.methods[name]["trainable_parameters"], -_points(known.methods[name]))
    )
    return next(
        name for name in cheapest_first if name == best or find_pair(known.pairs, name, best).lowest > -known.margin
    )


def _reason(known: Comparison, chosen: str, best: str) -> str:
    margin = f"margin {known.margin:g} points of {TITLE}"
    if chosen != best:
        return f"the smallest method that is non-inferior to {best} ({margin})"
    own = known.methods[best]["trainable_parameters"]
    if any(row["trainable_parameters"] < own for row in known.methods.values()):
        return f"which scores best; no smaller method is non-inferior to it ({margin})"
    return "which scores best and trains no more parameters than the others"


def _floors(row: System) -> list[str]:
    """The baselines that a system scores below, as flags."""
    return [flag for flag in row["flags"] if flag.startswith("below")]


def _better_external(known: Comparison, chosen: str) -> list[str]:
    """The best external system, where it is significantly better."""
    if not known.external:
        return []
    pair = find_pair(known.pairs, known.external[-1], chosen)
    if not is_significant(pair) or pair.over_dialogues.difference < 0:
        return []
    return [f"The external system {pair.first} is better: {known.describe_difference(pair.first, chosen)}."]


def _best_external(known: Comparison) -> list[str]:
    """The best external system compared with the second."""
    if len(known.external) < 2:
        return []
    second, best = known.external[-2:]
    return [f"{best} scores best; over {second} {known.describe_difference(best, second)}."]


def _too_few_dialogues(known: Comparison) -> list[str]:
    """A sentence where no difference could be significant even if all dialogues agreed."""
    if not known.pairs or len(known.pairs) * 2.0 ** (1 - known.dialogues) < ALPHA:
        return []
    return [f"{known.dialogues} dialogues are too few for any difference to be significant."]


def _seeds(known: Comparison) -> list[str]:
    """What several seeds gave, or that there was one."""
    if not known.trained:
        return []
    measured = {name: row["seeds"][PRIMARY_METRIC] for name, row in known.trained.items() if "seeds" in row}
    if not measured:
        return ["Each method was trained once: these intervals do not include what another seed would change."]
    each = ", ".join(f"{score['mean']:.1f} ± {score['sd']:.1f} for {name}" for name, score in measured.items())
    count = max(score["seeds"] for score in measured.values())
    sentence = f"Over {count} seeds {TITLE} is {each} (mean ± standard deviation)"
    undecided = [pair for pair in known.pairs if pair.over_dialogues.significant and not is_significant(pair)]
    if undecided:
        names = "; ".join(f"{pair.first} and {pair.second}" for pair in undecided)
        return [f"{sentence}; across them the difference is not significant between {names}."]
    return [f"{sentence}."]


def _points(row: System) -> float:
    return row["scores"][PRIMARY_METRIC]["mean"]
