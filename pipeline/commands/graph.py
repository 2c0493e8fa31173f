"""Write the code that each stage depends on into dvc.yaml, from what its module imports.

    python -m pipeline graph          (make graph; after an edit of imports)

In dvc.yaml a stage's dependencies are a list in brackets: data first, by hand, then a comment (`code, by make graph`),
then the code. Only what is behind that comment is written; everything else stays as it is.
"""

import argparse
import re
import textwrap
from pathlib import Path

from pipeline.core.imports import REGISTRIES, closure

DVC_YAML = Path("dvc.yaml")
MARKER = "# code, by make graph"
# Not listed: it holds places only, and those of a stage are its dependencies and outputs (tests/test_graph.py compares
# both). A new place reruns the stages that use it, and no other.
PLACES = "pipeline/core/paths.py"


def code_dependencies(module: str) -> list[str]:
    """The files of a stage's code as dvc.yaml names them, sorted; one of a registry by the parameter that names it."""
    files = {path.as_posix() for path in closure(module)} - {PLACES}
    for package, parameter in REGISTRIES.items():
        folder = package.replace(".", "/")
        if f"{folder}/__init__.py" in files:
            files.add(f"{folder}/${{{parameter}}}.py")
    return sorted(files)


def rewrite(text: str) -> str:
    """The text of dvc.yaml with its code dependencies as the imports are now."""
    lines: list[str] = []
    module = indent = ""
    skipping = False
    for line in text.splitlines():
        if found := re.search(r"cmd: python -m (\S+)", line):
            module = found[1]
            indent = " " * (line.index("cmd:") + 2)
        if not skipping:
            lines.append(line)
            if line.endswith(MARKER):
                lines += flow_lines(code_dependencies(module), indent)
                skipping = True
        elif line.endswith("]"):
            skipping = False
    return "\n".join(lines) + "\n"


def flow_lines(items: list[str], indent: str) -> list[str]:
    """The rest of a YAML list in brackets, wrapped at 120 columns."""
    quoted = [f'"{item}"' if "{" in item else item for item in items]
    return textwrap.wrap(
        ", ".join(quoted) + "]",
        width=120,
        initial_indent=indent,
        subsequent_indent=indent,
        break_long_words=False,
        break_on_hyphens=False,
    )


def main() -> None:
    argparse.ArgumentParser(
        prog="python -m pipeline graph", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    before = DVC_YAML.read_text(encoding="utf-8")
    after = rewrite(before)
    DVC_YAML.write_text(after, encoding="utf-8")
    print(f"{DVC_YAML}: {'written' if after != before else 'as it was'}")


if __name__ == "__main__":
    main()
