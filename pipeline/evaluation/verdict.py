"""The comparison in a few sentences, made from its numbers."""

from pipeline.evaluation.bootstrap import REAL

ENOUGH = 3  # seeds that may overturn what the dialogues say; of two, Student's interval is thirteen errors wide


def verdict(found: dict) -> list[str]:
    """Sentences: the best adapter beside full fine-tuning, which method to ship, and what the numbers do not say.

    Of systems made elsewhere alone, which scores best.
    """
    methods = {row["name"]: row for row in found["systems"] if row["kind"] == "method"}
    trained = {name: row for name, row in methods.items() if row["trainable_parameters"]}
    said, told = [], set()
    adapters = sorted((name for name in trained if name != "full"), key=lambda name: _rouge1(trained[name]))
    if "full" in trained and adapters:
        best, full = trained[adapters[-1]], trained["full"]
        share = 100 * _rouge1(best) / _rouge1(full) if _rouge1(full) else 0.0
        told = {best["name"], "full"}
        said.append(
            f"{best['name']} reaches {share:.0f} % of full fine-tuning's ROUGE-1 with {100 * best['share']:.2g} % of "
            f"the parameters; {_difference(found, best['name'], 'full')}."
        )
    if methods:
        said += _choice(found, methods, told)
    else:
        said += _best(found)
    pairs, dialogues = len(found["pairs"]["rouge1"]), found["dialogues"]
    if pairs and pairs * 2.0 ** (1 - dialogues) >= REAL:  # even if all dialogues agreed
        said.append(f"With {dialogues} dialogues no difference can be called real: they are too few.")
    if trained:
        said.append(_seeds(found, trained))
    return said


def _seeds(found: dict, trained: dict[str, dict]) -> str:
    """What several seeds gave, or that there was one."""
    known = {name: row["seeds"]["rouge1"] for name, row in trained.items() if "seeds" in row}
    if not known:
        return "Each method was trained once: how much another seed would change is not in these intervals."
    each = ", ".join(f"{one['mean']:.1f} ± {one['sd']:.1f} for {name}" for name, one in known.items())
    said = f"Over {max(one['seeds'] for one in known.values())} seeds ROUGE-1 is {each} (mean ± standard deviation)"
    pairs = [row for row in found["pairs"]["rouge1"] if row["real"] and not really(row)]
    if pairs:
        names = "; ".join(f"{row['first']} and {row['second']}" for row in pairs)
        return f"{said}; they do not settle which is better of {names}."
    return f"{said}."


def really(row: dict) -> bool:
    """Whether other dialogues would show a difference and, where ENOUGH seeds were tried, other seeds too."""
    over = row.get("seeds")
    if not over or over["seeds"] < ENOUGH:
        return row["real"]
    return row["real"] and beyond_seeds(over) and over["difference"] * row["difference"] > 0


def called(row: dict) -> str:
    """What the tables call a pair's difference."""
    if not row["real"]:
        return "may be chance"
    if really(row):
        return "real"
    over = row["seeds"]
    return f"turned about by {over['seeds']} seeds" if beyond_seeds(over) else called_over_seeds(over)


def called_over_seeds(one: dict) -> str:
    """What a difference over seeds is called (seeds.difference)."""
    return "beyond seeds" if beyond_seeds(one) else f"not settled by {one['seeds']} seeds"


def beyond_seeds(one: dict) -> bool:
    """Whether Student's interval of a difference over seeds leaves out zero."""
    return one["low"] > 0 or one["high"] < 0


def _choice(found: dict, methods: dict[str, dict], told: set[str]) -> list[str]:
    """The method with the fewest trained parameters that surely loses less than the margin to the best.

    With its warnings, and what was made elsewhere and is better. told: two methods whose difference has been said.
    """
    best = max(methods, key=lambda name: _rouge1(methods[name]))
    if under := [flag for flag in methods[best]["flags"] if flag.startswith("below")]:
        return [f"None of these is worth taking: {best}, which scores best, lies {' and '.join(under)}."]
    if len(methods) == 1:
        return [f"{best} alone was measured: there is nothing to choose from.", *_elsewhere(found, best)]
    above = [name for name, row in methods.items() if not any(flag.startswith("below") for flag in row["flags"])]
    cheap_first = sorted(above, key=lambda name: (methods[name]["trainable_parameters"], -_rouge1(methods[name])))
    near = f"within {found['margin']:g} points of ROUGE-1"
    chosen = next(name for name in cheap_first if name == best or _least(pair(found, name, best)) > -found["margin"])
    if chosen != best:
        reason = f"it is the smallest that surely comes {near} of {best}"
        if {chosen, best} != told:
            reason += f"; {_difference(found, best, chosen)}"
    elif any(row["trainable_parameters"] < methods[best]["trainable_parameters"] for row in methods.values()):
        reason = f"it scores best, and nothing smaller surely comes {near} of it"
    else:
        reason = "it scores best and trains no more than the others"
    mind = "".join(f" Mind: {warning}." for warning in methods[chosen].get("warnings", []))
    return [f"For summaries like these, take {chosen}: {reason}.{mind}", *_elsewhere(found, chosen)]


def _least(row: dict) -> float:
    """The least that a difference is, by its interval over the dialogues and, of ENOUGH seeds, over seeds."""
    over = row.get("seeds")
    return min(row["low"], over["low"]) if over and over["seeds"] >= ENOUGH else row["low"]


def _externals(found: dict) -> list[str]:
    """The systems made elsewhere, the best last."""
    return [row["name"] for row in sorted(found["systems"], key=_rouge1) if row["kind"] == "external"]


def _elsewhere(found: dict, chosen: str) -> list[str]:
    """The best of what was made elsewhere, where it is really better."""
    names = _externals(found)
    if not names or not really(row := pair(found, names[-1], chosen)) or row["difference"] < 0:
        return []
    return [f"{names[-1]}, made elsewhere, is better still: {_difference(found, names[-1], chosen)}."]


def _best(found: dict) -> list[str]:
    """Of systems made elsewhere, the best beside the second."""
    names = _externals(found)
    if len(names) < 2:
        return []
    return [f"{names[-1]} scores best; over {names[-2]} {_difference(found, names[-1], names[-2])}."]


def pair(found: dict, one: str, other: str, score: str = "rouge1") -> dict:
    """The difference one minus other, whichever way round it was compared."""
    for row in found["pairs"][score]:
        if (row["first"], row["second"]) == (one, other):
            return row
        if (row["first"], row["second"]) == (other, one):
            seeds = {"seeds": row["seeds"] | _turned(row["seeds"])} if row.get("seeds") else {}
            return row | {"first": one, "second": other} | _turned(row) | seeds
    raise KeyError((one, other))


def _turned(row: dict) -> dict[str, float]:
    return {"difference": -row["difference"], "low": -row["high"], "high": -row["low"]}


def _difference(found: dict, one: str, other: str) -> str:
    row = pair(found, one, other)
    real = "is real" if really(row) else f"is {called(row)}" if row["real"] else "may be chance"
    interval = f"[{row['low']:+.1f}, {row['high']:+.1f}]"
    corrected = "corrected " if len(found["pairs"]["rouge1"]) > 1 else ""
    return f"the difference of {row['difference']:+.1f} {interval} {real} ({corrected}{p_value(row['p_holm'])})"


def p_value(p: float) -> str:
    """Rounded as papers do, and never onto the bound of what is called real."""
    if round(p, 3) == REAL and p != REAL:
        return f"p = {p:.4f}"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def _rouge1(row: dict) -> float:
    return row["scores"]["rouge1"]["mean"]
