"""Everything that can be run: `python -m pipeline` lists it, `python -m pipeline NAME ...` runs one.

Commands are what people run by hand; stages are what `dvc repro` runs.
"""

import ast
import contextlib
import runpy
import sys
from pathlib import Path

HERE = Path(__file__).parent
BY_HAND = ("export", "plan", "predict", "serve")  # beside the stages, and no stage


def modules(folder: Path) -> dict[str, Path]:
    """The name and the file of each public module of a folder."""
    return {path.stem: path for path in sorted(folder.glob("[!_]*.py"))}


def first_line(path: Path) -> str:
    """The first line of a module's docstring. The file is not run."""
    docstring = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    return docstring.partition("\n")[0]


def listing() -> str:
    """All commands and stages, one a line."""
    lines = ["usage: python -m pipeline NAME ...          (NAME --help says more)"]
    stages = modules(HERE)
    commands = modules(HERE / "commands") | {name: stages.pop(name) for name in BY_HAND}
    for title, listed in (("commands", commands), ("stages", stages)):
        lines += ["", f"{title}:"]
        lines += [f"  {name:16}{first_line(path)}" for name, path in sorted(listed.items())]
    return "\n".join(lines)


def main() -> None:
    names = {**modules(HERE), **modules(HERE / "commands")}
    if len(sys.argv) < 2 or sys.argv[1] in ("-h", "--help"):
        print(listing())
    elif sys.argv[1] in names:
        path = names[sys.argv.pop(1)]
        runpy.run_module(
            ".".join(path.relative_to(HERE.parent).with_suffix("").parts), run_name="__main__", alter_sys=True
        )
    else:
        sys.exit(f"python -m pipeline: error: no command or stage {sys.argv[1]!r}; `python -m pipeline` lists them")


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):  # `python -m pipeline | head`
        main()
