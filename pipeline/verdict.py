"""The comparison in two or three sentences, made from its numbers."""

ENOUGH = 3  # seeds that may overturn what the dialogues say; of two, Student's interval is thirteen errors wide


def verdict(found: dict) -> list[str]:
    """Sentences: the best adapter beside full fine-tuning, which method to ship, and what the numbers do not say."""
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
        said.append(_choice(found, methods, told))
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
    return row["real"] and not (over and over["seeds"] >= ENOUGH and not beyond_seeds(over))


def called(row: dict) -> str:
    """What the tables call a pair's difference."""
    return "real" if really(row) else called_over_seeds(row["seeds"]) if row["real"] else "may be chance"


def called_over_seeds(one: dict) -> str:
    """What a difference over seeds is called (seeds.difference)."""
    return "beyond seeds" if beyond_seeds(one) else f"not settled by {one['seeds']} seeds"


def beyond_seeds(one: dict) -> bool:
    """Whether Student's interval of a difference over seeds leaves out zero."""
    return one["low"] > 0 or one["high"] < 0


def _choice(found: dict, methods: dict[str, dict], told: set[str]) -> str:
    """The method with the fewest trained parameters that is not really worse than the best.

    told: two methods whose difference has been said.
    """
    best = max(methods, key=lambda name: _rouge1(methods[name]))
    cheap_first = sorted(methods, key=lambda name: (methods[name]["trainable_parameters"], -_rouge1(methods[name])))
    chosen = next(name for name in cheap_first if name == best or not really(pair(found, best, name)))
    if chosen == best:
        rest = "it scores best, and nothing smaller comes near enough"
        if best == cheap_first[0]:
            rest = "it scores best and trains nothing more than the others"
    else:
        rest = f"it is the smallest that is not really worse than {best}"
        if {chosen, best} != told:
            rest += f"; {_difference(found, best, chosen)}"
    return f"For summaries like these, take {chosen}: {rest}."


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
    return f"the difference of {row['difference']:+.1f} {interval} {real} ({p_value(row['p_holm'])})"


def p_value(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.1 else f"p = {p:.2f}"


def _rouge1(row: dict) -> float:
    return row["scores"]["rouge1"]["mean"]
