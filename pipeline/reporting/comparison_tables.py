"""The comparison as Markdown, for pull requests and terminals."""

from pipeline.evaluation.metrics import HEADLINE
from pipeline.evaluation.verdict import called, p_value

KNOWN = ("cut", "empty", "repeats", "unsupported")


def markdown(found: dict) -> str:
    """The whole page: verdict, quality, differences, cost, health, forgetting."""
    methods = [row for row in found["systems"] if row["kind"] == "method"]
    parts = [
        "# Comparison",
        "\n".join(found["verdict"]),
        "## Quality",
        table(quality(found)),
        f"Points of 100 with 95 % bootstrap intervals over {found['dialogues']} dialogues. human, where it stands: "
        "each reference against the others, which are one fewer than a method has, so BLEU and best are left out. "
        f"ROUGE: `{found['signature']['rouge']}`; BLEU: `{found['signature']['bleu']}`.",
    ]
    if near := near_duplicates(found):
        parts += [near, table(clean(found)) if len(clean(found)) > 1 else ""]
    if found["pairs"]["rouge1"]:
        parts += [
            "## Differences in ROUGE-1",
            table(differences(found)),
            f"Paired over dialogues: bootstrap interval, approximate randomization ({found['resamples']:,} draws), p "
            "corrected for the number of pairs (Holm); real below 0.05.",
        ]
    if methods:
        parts += [
            "## Cost",
            table(cost(methods)),
            "Training counts optimizer steps alone (loading, validation and checkpoints have clocks of their own), "
            "tokens are real ones, without pads.",
            "## Memory",
            table(memory(methods)),
            "A phase's peak above what the process held at its start: of the resident set, on a GPU of the allocator. "
            "Loading is that of the tuned model, to generate.",
            "## Inference and storage",
            table(inference(methods)),
            batched(methods),
        ]
    parts += ["## Health", table(health(found)), "\n".join(f"- {line}" for line in warned(found))]
    if methods:
        parts += [
            "## Forgetting",
            table(forgetting(methods)),
            asked(methods),
            table(text_loss(methods)),
            "Cross entropy of held-out texts after their prompts, or of their second halves after their first, "
            "in nats a token: more is worse.",
        ]
    return "\n\n".join(part.rstrip("\n") for part in parts if part) + "\n"


def quality(found: dict) -> list[list[str]]:
    """Every system and yardstick with its scores."""
    further = [(name, key) for name, scores in _evaluated(found).items() for key in scores]
    named = [key if key == name else f"{name} {key}" for name, key in further]
    seeds = any("seeds" in row for row in found["systems"])
    lines = [["system", *(measure.title for measure in HEADLINE.values()), "best ROUGE-1", *named, ""]]
    if seeds:
        lines[0].insert(2, "over seeds")
    for row in found["systems"]:
        best = "-" if _people(row) else f"{row['further']['rouge1_max']:.1f}"
        extra = [f"{row['evaluate'][name][key]:.4g}" if row.get("evaluate") else "" for name, key in further]
        note = "*yardstick*" if row["kind"] == "yardstick" else "; ".join(row["flags"])
        lines.append([row["name"], *_points(row, row["scores"]), best, *extra, note])
        if seeds:
            over = row["seeds"]["rouge1"] if "seeds" in row else None
            lines[-1].insert(2, f"{over['mean']:.1f} ± {over['sd']:.1f} ({over['seeds']})" if over else "")
    return lines


def _people(row: dict) -> bool:
    """Whether a row is people's, who have one reference fewer than a method."""
    return row["kind"] == "yardstick" and row["name"] == "human"


def _points(row: dict, scores: dict[str, dict[str, float]]) -> list[str]:
    """Each score with its interval; none for what does not compare."""
    return [
        "-" if name == "bleu" and _people(row) else f"{one['mean']:.1f} [{one['low']:.1f}, {one['high']:.1f}]"
        for name, one in scores.items()
    ]


def near_duplicates(found: dict) -> str:
    """How many test dialogues look much like one of train, in a sentence; nothing where none does."""
    near, count = found["systems"][0]["near"], found["dialogues"]
    if not near:
        return ""
    if "clean" not in found["systems"][0]:
        return (
            f"**{near} of the {count} test dialogues look much like one of train**: the scores say little about new "
            "dialogues, and what is left is too few for scores of its own."
        )
    return f"{near} of the {count} test dialogues look much like one of train. Without them:"


def clean(found: dict) -> list[list[str]]:
    """The scores without near-duplicates of train."""
    lines = [["system", *(measure.title for measure in HEADLINE.values())]]
    for row in found["systems"]:
        if "clean" in row:
            lines.append([row["name"], *_points(row, row["clean"]["scores"])])
    return lines


def _evaluated(found: dict) -> dict:
    return next((row["evaluate"] for row in found["systems"] if row.get("evaluate")), {})


def differences(found: dict) -> list[list[str]]:
    seeds = any(row.get("seeds") for row in found["pairs"]["rouge1"])
    lines = [["", "minus", "points", "95 %", "p", "p, corrected", *(["over seeds"] if seeds else []), ""]]
    for row in found["pairs"]["rouge1"]:
        interval = f"{row['low']:+.1f} to {row['high']:+.1f}"
        over = row.get("seeds")
        spread = (
            [f"{over['difference']:+.1f}, {over['low']:+.1f} to {over['high']:+.1f}" if over else ""] if seeds else []
        )
        p = [p_value(row[name]).removeprefix("p ").removeprefix("= ") for name in ("p", "p_holm")]
        lines.append([row["first"], row["second"], f"{row['difference']:+.1f}", interval, *p, *spread, called(row)])
    return lines


def cost(methods: list[dict]) -> list[list[str]]:
    """Parameters and bytes of each method, seconds and tokens per second of its training and generation."""
    lines = [
        ["method", "trainable", "of", "share", "on disk", "training", "tokens/s", "to best", "generation", "tokens/s"]
    ]
    for row in methods:
        spent, trained = row["cost"], row["trainable_parameters"] > 0
        lines.append(
            [
                row["name"],
                f"{row['trainable_parameters']:,}",
                f"{row['total_parameters']:,}",
                f"{100 * row['share']:.2f} %",
                size(row["bytes"]),
                f"{spent['train_seconds']:.1f} s" if trained else "-",
                f"{spent['train_tokens_per_second']:,.0f}" if trained else "-",
                f"{spent['seconds_to_best']:.1f} s" if trained else "-",
                f"{spent['generate_seconds']:.1f} s",
                f"{spent['generate_tokens_per_second']:,.0f}",
            ]
        )
    return lines


def memory(methods: list[dict]) -> list[list[str]]:
    """Peak memory of each phase."""
    phases = {"loading": "load", "training": "train", "generation": "generate"}
    lines = [["method", *phases]]
    for row in methods:
        peaks = [row["cost"][f"{phase}_peak_mib"] for phase in phases.values()]
        lines.append([row["name"], *("-" if peak is None else f"{peak:,.0f} MiB" for peak in peaks)])
    return lines


def inference(methods: list[dict]) -> list[list[str]]:
    """Seconds and tokens per second, one by one and in a batch; prompt tokens on top; bytes of ten tasks."""
    lines = [["method", "one by one", "tokens/s", "in a batch", "tokens/s", "extra prompt tokens", "ten tasks on disk"]]
    for row in methods:
        timed = {name: one for name, one in row["inference"].items() if name != "dialogues"}
        for variant in dict.fromkeys(name.partition(",")[0] for name in timed):
            each = [one for name, one in timed.items() if name.startswith(f"{variant},")]
            cells = []
            for one in (each[0], each[-1]):  # batches of one stand first
                cells += [f"{one['seconds_per_dialogue']:.3f} s", f"{one['tokens_per_second']:,.0f}"]
            name = row["name"] if variant in ("as it is", "merged") else f"{row['name']}, {variant}"
            lines.append([name, *cells, f"{row['extra_prompt_tokens']:.0f}", size(row["bytes_of_ten_tasks"])])
    return lines


def batched(methods: list[dict]) -> str:
    """What the seconds of inference are seconds of, in two sentences."""
    speed = methods[0]["inference"]
    size = max(int(name.rpartition(" ")[2]) for name in speed if name != "dialogues")
    return (
        f"The same prompts for every method, spread by length: {speed['dialogues']} one by one, the median of some "
        f"rounds, and one batch of {size}. Ten tasks on disk: ten full models against one base with ten adapters."
    )


def health(found: dict) -> list[list[str]]:
    """Percent of each system's summaries with a fault, and their length."""
    head = ["system", "cut", "empty", "repeats", "unsupported names", "words", "length ratio", "novel bigrams"]
    lines = [head]
    for row in found["systems"]:
        if "health" in row:
            own = row["health"]
            shares = ["-" if own[name] is None else f"{own[name]:.0f} %" for name in KNOWN]
            ratio = "-" if own["length_ratio"] is None else f"{own['length_ratio']:.2f}"
            novel = "-" if own["novel_bigrams"] is None else f"{own['novel_bigrams']:.0f} %"
            lines.append([row["name"], *shares, f"{own['words']:.1f}", ratio, novel])
    return lines


def warned(found: dict) -> list[str]:
    """Every warning, with the system it is about."""
    return [f"{row['name']}: {warning}" for row in found["systems"] for warning in row.get("warnings", [])]


def forgetting(methods: list[dict]) -> list[list[str]]:
    """Right answers by task, and the change of their mean against the base (zero_shot)."""
    changes = all("retention_change" in row for row in methods)
    lines = [["method", *methods[0]["retention"], *(["mean minus zero_shot", "95 %"] if changes else [])]]
    for row in methods:
        line = [row["name"], *(f"{share:.0f}" for share in row["retention"].values())]
        if changes:
            change = row["retention_change"]
            line += [f"{change['mean']:+.1f}", f"{change['low']:+.1f} to {change['high']:+.1f}"]
        lines.append(line)
    return lines


def asked(methods: list[dict]) -> str:
    """How the questions were answered, in a sentence."""
    one = methods[0]
    chosen = f", {one['by_choice']} of them by the likeliest choice" if one["by_choice"] else ""
    return f"Right answers in percent to {one['questions']} questions that no method was tuned on{chosen}."


def text_loss(methods: list[dict]) -> list[list[str]]:
    """The loss on held-out text, and its change against the base (zero_shot)."""
    changes = all("text_loss_change" in row for row in methods)
    lines = [["method", "nats a token", *(["minus zero_shot", "95 %"] if changes else [])]]
    for row in methods:
        line = [row["name"], f"{row['text_loss']:.3f}"]
        if changes:
            change = row["text_loss_change"]
            line += [f"{change['mean']:+.3f}", f"{change['low']:+.3f} to {change['high']:+.3f}"]
        lines.append(line)
    return lines


def table(rows: list[list[str]]) -> str:
    """A Markdown table, first row the header, all but the first column to the right, padded to read well as text."""
    rows = [[cell.replace("|", "\\|") for cell in cells] for cells in rows]
    widths = [max(3, *(len(cell) for cell in column)) for column in zip(*rows)]
    lines = ["| " + " | ".join(_cells(cells, widths)) + " |" for cells in rows]
    rule = "|" + "|".join("-" * (width + 1) + ("-" if not number else ":") for number, width in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"


def _cells(cells: list[str], widths: list[int]) -> list[str]:
    return [cell.ljust(width) if not at else cell.rjust(width) for at, (cell, width) in enumerate(zip(cells, widths))]


def size(count: int) -> str:
    """Bytes in the unit that reads best."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.2f} GiB"
