"""A sweep in sentences, tables and charts, as Markdown and as a page."""

import itertools
import json
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.params import flatten
from pipeline.evaluation import seeds
from pipeline.evaluation.metrics import HEADLINE
from pipeline.evaluation.verdict import called_over_seeds, p_value
from pipeline.reporting import charts, comparison_tables, html_page


@dataclass(frozen=True)
class Told:
    """What a page holds: the upshot, tables by title, Vega-Lite charts by name, and notes under them."""

    sentences: list[str]
    tables: dict[str, list[list[str]]]
    charts: dict[str, dict]
    notes: list[str]


def of_values(title: str, parameter: str, judged: list[dict], params: list[dict], dialogues: int) -> Told:
    """A sweep over any other parameter, from its series (sweep.judge); params: those of each series' first point."""
    names = [label(one) for one in judged]
    notes = [f"{name}: {fixed(own, parameter, one)}." for name, one, own in zip(names, judged, params)]
    notes.append(
        f"ROUGE-1 with 95 % bootstrap intervals over {dialogues} dialogues. Each value against the best, paired: "
        "approximate randomization, p corrected for the number of values (Holm). As good: by its interval it surely "
        f"loses less than {judged[0]['margin']:g} points (score.margin). Else really worse where p is below 0.05, or "
        "unsettled. The best of several is a little luckier than it is good."
    )
    known = seeds.load()
    spread = {
        name: one
        for name, one in seeds.spread(known).items()
        if any(
            seeds.applies(known, name, point["scores"])
            for series in judged
            if series["method"] == name
            for point in series["points"]
        )
    }
    said = sentences(title, judged, spread)
    tables = {name: table(one, title) for name, one in zip(names, judged)}
    return Told(said, tables, charts.sweep(judged, names, title), notes)


def sentences(title: str, judged: list[dict], spread: dict) -> list[str]:
    """The upshot, a sentence or two for each series, made from its numbers."""
    said = []
    for one in judged:
        scores = {point["value"]: point["scores"]["rouge1"]["mean"] for point in one["points"]}
        who = label(one)
        best, others = one["best"], [value for value in one["as_good"] if value != one["best"]]
        text = f"{who}: {title} {best} scores best, ROUGE-1 {scores[best]:.1f}"
        if not others:
            text += f"; no other value surely comes within {one['margin']:g} points."
        elif one["smallest"] not in (None, best):
            smallest = next(point for point in one["points"] if point["value"] == one["smallest"])
            row = smallest["minus_best"]
            text += (
                f"; the smallest that surely comes within {one['margin']:g} points is {one['smallest']}, "
                f"{scores[one['smallest']]:.1f} "
                f"({row['difference']:+.1f} [{row['low']:+.1f}, {row['high']:+.1f}], {p_value(row['p_holm'])})."
            )
        elif one["smallest"] == best == one["points"][0]["value"]:
            text += " and is the smallest that was tried."
        elif one["smallest"] == best:
            text += f", and nothing smaller surely comes within {one['margin']:g} points."
        else:
            text += f"; within {one['margin']:g} points surely: {', '.join(map(str, others))}."
        if one["level"] is not None:
            text += f" The validation loss is level, within 1 % of the lowest, from {one['level']} on."
        if known := spread.get(one["method"]):
            text += f" Another seed alone moves this ROUGE-1 by a standard deviation of {known['sd']:.1f}."
        said.append(text)
    return said


def label(one: dict) -> str:
    """A series' name: the method, and what else differs between series."""
    extra = ", ".join(_setting(key, value) for key, value in one["settings"].items())
    return one["method"] + (f" ({extra})" if extra else "")


def table(one: dict, title: str) -> list[list[str]]:
    """A series' points: quality, validation loss and cost."""
    lines = [[title, "ROUGE-1", "minus best", "95 %", "p, corrected", "", "ROUGE-2"]]
    lines[0] += ["validation loss", "trainable", "on disk", "training"]
    for point in one["points"]:
        scores, apart = point["scores"], point["minus_best"]
        best = point["value"] == one["best"]
        called = "as good" if point["as_good"] else "really worse" if point["worse"] else "unsettled"
        called = "best" if best else called
        loss, seconds = point["validation_loss"], point["train_seconds"]
        lines.append(
            [
                str(point["value"]),
                f"{scores['rouge1']['mean']:.1f} [{scores['rouge1']['low']:.1f}, {scores['rouge1']['high']:.1f}]",
                "-" if best else f"{apart['difference']:+.1f}",
                "-" if best else f"{apart['low']:+.1f} to {apart['high']:+.1f}",
                "-" if best else p_value(apart["p_holm"]).removeprefix("p ").removeprefix("= "),
                called,
                f"{scores['rouge2']['mean']:.1f}",
                "-" if loss is None else f"{loss:.3f}",
                f"{point['trainable_parameters']:,}",
                comparison_tables.size(point["bytes"]),
                "-" if seconds is None else f"{seconds:.1f} s",
            ]
        )
    return lines


def fixed(params: dict, parameter: str, one: dict) -> str:
    """The settings of the method that every point of a series has: lora.alpha_per_rank=2.0, ..."""
    own = {key: value for key, value in flatten({one["method"]: params[one["method"]]}) if key != parameter}
    return ", ".join(_setting(key, value) for key, value in (own | one["settings"]).items())


def of_one_series_each(judged: list[dict], params: list[dict]) -> list[str]:
    """For a sweep over seeds: of each method the settings of its first series, and which others are left out."""
    lines, told = [], set()
    for one, own in zip(judged, params):
        if one["method"] in told:
            lines.append(f"Left out, for a series of {one['method']} stands before it: {label(one)}.")
        else:
            lines.append(f"{label(one)}: {fixed(own, 'seed', one)}.")
        told.add(one["method"])
    return lines


def _setting(key: str, value: object) -> str:
    return f"{key}={json.dumps(value)}".replace('"', "")


def of_seeds(content: dict, settings: list[str]) -> Told:
    """The sweep over seeds, from seeds.found; settings: a line for each method about what its runs have in common."""
    methods = content["methods"]
    spreads = seeds.spread(methods)
    tried = sorted({seed for each in methods.values() for seed in each}, key=int)
    rows = [["method", *(f"seed {seed}" for seed in tried), "mean", "standard deviation"]]
    for name, one in spreads.items():
        cells = [f"{methods[name][seed]['rouge1']:.1f}" if seed in methods[name] else "-" for seed in tried]
        rows.append([name, *cells, f"{one['mean']:.1f}", f"{one['sd']:.2f}"])
    pairs = [["", "minus", "points", "95 % over seeds", "standard deviation", ""]]
    for second, first in itertools.combinations(spreads, 2):  # a later method, minus an earlier one
        if one := seeds.difference(methods, first, second):
            interval = f"{one['low']:+.1f} to {one['high']:+.1f}"
            cells = [f"{one['difference']:+.1f}", interval, f"{one['sd']:.2f}", called_over_seeds(one)]
            pairs.append([first, second, *cells])
    widest = max(spreads, key=lambda name: spreads[name]["sd"])
    said = [
        f"Over {len(tried)} seeds, on the same {content['dialogues']} dialogues, ROUGE-1 has a standard deviation of "
        f"{spreads[widest]['sd']:.1f} points for {widest}, the most of all.",
    ]
    open_pairs = [f"{row[0]} and {row[1]}" for row in pairs[1:] if row[-1] != "beyond seeds"]
    if open_pairs:
        said.append(f"They do not settle which is better: {'; '.join(open_pairs)}.")
    elif len(pairs) > 1:
        said.append("Every difference between two methods is larger than what seeds move it by.")
    further = [
        [
            HEADLINE[score].title,
            *(f"{one['mean']:.1f} ± {one['sd']:.2f}" for one in seeds.spread(methods, score).values()),
        ]
        for score in HEADLINE
    ]
    tables = {
        "ROUGE-1 by seed": rows,
        **({"Differences in ROUGE-1 over seeds": pairs} if len(pairs) > 1 else {}),
        "Mean ± standard deviation": [["", *spreads], *further],
    }
    notes = [
        "A seed decides the order of examples, dropout, the beginning of adapters and soft prompts, and few_shot's "
        "examples; the dialogues stay. Differences are taken seed by seed; the interval is Student's, of their mean.",
        *settings,
    ]
    return Told(said, tables, {"seeds": charts.seeds(methods)}, notes)


def write(target: Path, title: str, about: str, told: Told, unfinished: list[str]) -> None:
    """The sweep as Markdown and as a page that needs no network; unfinished: what is not in it, and why."""
    parts = [f"# Sweep: {title}", about, "\n".join(f"- {line}" for line in told.sentences)]
    for name, rows in told.tables.items():
        parts += [f"## {name}", comparison_tables.table(rows)]
    parts += told.notes
    if unfinished:
        parts += ["Not here:", "\n".join(f"- {line}" for line in unfinished)]
    text = "\n\n".join(part.rstrip("\n") for part in parts) + "\n"
    target.with_suffix(".md").write_text(text, encoding="utf-8")
    page = html_page.render("sweep.html", told.charts, title=title, about=about, told=told, unfinished=unfinished)
    target.with_suffix(".html").write_text(page, encoding="utf-8")
    print(text)
