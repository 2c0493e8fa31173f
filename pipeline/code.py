"""List the code of every stage with its hashes. A stage depends on its list, so it reruns if what it imports changes.

    python -m pipeline.code

A list is written from the imports, at any depth. An edit that changes no list of a stage reruns nothing of it.
"""

import hashlib

from pipeline.core.cli import run_stage
from pipeline.core.imports import ROOT, closure, members
from pipeline.core.paths import Paths

# Not listed: it holds places only, and those of a stage are its dependencies and outputs in dvc.yaml
# (tests/test_graph.py compares both). A new place reruns the stages that use it, and no other.
PLACES = "pipeline/core/paths.py"
WITHOUT_LIST = {
    "code",  # depends on all code
    "config",  # looks at values: the code of other stages cannot make its answer wrong
}


def run(paths: Paths) -> None:
    for name, module in stage_modules().items():
        path = paths.code(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(listing(module), encoding="utf-8")
    print(f"the code of {len(stage_modules())} stages in {path.parent}")


def stage_modules() -> dict[str, str]:
    """Each stage with a list, and its module."""
    flat = {name: f"pipeline.{name}" for name in members("pipeline") if name not in WITHOUT_LIST}
    return flat | {"support_calls": "support_calls.write", "pretrain": "pretraining.train"}


def listing(module: str) -> str:
    """A line for each file that a module imports: MD5 and path, as `md5sum` writes them."""
    files = [path for path in closure(module) if path.as_posix() != PLACES]
    return "".join(f"{hashlib.md5((ROOT / path).read_bytes()).hexdigest()}  {path.as_posix()}\n" for path in files)


if __name__ == "__main__":
    run_stage(run)
