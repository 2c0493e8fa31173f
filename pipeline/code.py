"""List the code of every stage with its hashes. A stage depends on its list, so it reruns if what it imports changes.

    python -m pipeline.code

An edit that changes no list of a stage reruns nothing of it; `make graph` shows which lists an edit changes.
"""

from pipeline.core.cli import run_stage
from pipeline.core.code_lists import code_list, stage_modules
from pipeline.core.paths import Paths


def run(paths: Paths) -> None:
    for name, module in stage_modules().items():
        path = paths.code(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(code_list(module), encoding="utf-8")
    print(f"the code of {len(stage_modules())} stages in {path.parent}")


if __name__ == "__main__":
    run_stage(run)
