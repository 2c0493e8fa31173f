"""Which stages an edit of the code reruns, file by file.

    python -m pipeline graph          (make graph)

dvc.yaml names no code: the stage `code` writes a list of it for each stage (data/code), from the imports. `dvc status`
shows an edit as a change of that stage only; this shows the stages whose list it changes. Nothing is written.
"""

import argparse
from pathlib import Path

from pipeline.core.cli import run_command
from pipeline.core.code_lists import code_list, stage_modules
from pipeline.core.paths import Paths


def changed_files(module: str, path: Path) -> list[str]:
    """The files whose line differs between a module's list as it would be now and the one that is at `path`."""
    before = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    after = code_list(module).splitlines()
    return sorted({line.split("  ")[1] for line in {*before} ^ {*after}})


def main() -> None:
    argparse.ArgumentParser(
        prog="python -m pipeline graph", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    ).parse_args()
    if not Paths().code("train").exists():
        print("no lists yet: `dvc repro code` writes them")
        return
    changes = {name: changed_files(module, Paths().code(name)) for name, module in stage_modules().items()}
    for name, files in changes.items():
        if files:
            print(f"{name}: {', '.join(files)}")
    if not any(changes.values()):
        print("no stage's code has changed since `dvc repro` listed it")


if __name__ == "__main__":
    run_command("python -m pipeline graph", main)
