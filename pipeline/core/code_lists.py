"""The code of each stage as a list of files with their hashes: what DVC compares to see an edit."""

import hashlib

from pipeline.core.imports import ROOT, closure, members

# Not listed: it holds places only, and those of a stage are its dependencies and outputs in dvc.yaml
# (tests/test_graph.py compares both). A new place reruns the stages that use it, and no other.
PLACES = "pipeline/core/paths.py"
WITHOUT_LIST = {
    "code",  # depends on all code
    "config",  # looks at values: the code of other stages cannot make its answer wrong
}


def stage_modules() -> dict[str, str]:
    """Each stage with a list, and its module."""
    flat = {name: f"pipeline.{name}" for name in members("pipeline") if name not in WITHOUT_LIST}
    return flat | {"support_calls": "support_calls.write", "pretrain": "pretraining.train"}


def code_list(module: str) -> str:
    """A line for each file that a module imports, at any depth: MD5 and path, as `md5sum` writes them."""
    files = [path for path in closure(module) if path.as_posix() != PLACES]
    return "".join(f"{hashlib.md5((ROOT / path).read_bytes()).hexdigest()}  {path.as_posix()}\n" for path in files)
