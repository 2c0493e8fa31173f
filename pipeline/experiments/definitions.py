"""Where in conf/ a value of params.yaml is defined: the file that Hydra composed last of those that name it."""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import yaml

CONF = Path("conf")


@dataclass(frozen=True)
class Definition:
    """A value's place: text[start:end] of the file, which begins in `line` (from 1)."""

    path: Path
    line: int
    start: int
    end: int

    def __str__(self) -> str:
        return f"{self.path}, line {self.line}"


def of(key: str, loader) -> Definition | None:
    """The definition of a dotted key; None where conf/ does not have it. loader: Hydra's, initialized on conf/."""
    from hydra.types import RunMode

    parts = key.split(".")
    composed = loader.compute_defaults_list("config", [], RunMode.RUN).defaults
    for default in reversed(composed):
        package = [part for part in (default.package or "").split(".") if part and part != "_global_"]
        if not default.config_path or parts[: len(package)] != package:
            continue
        path = CONF / f"{default.config_path}.yaml"
        if not path.exists():
            continue  # Hydra's own
        node = yaml.compose(path.read_text(encoding="utf-8"))
        for part in parts[len(package) :]:
            node = _child(node, part)
        if node is not None:
            return Definition(path, node.start_mark.line + 1, node.start_mark.index, _end(node))
    return None


@contextlib.contextmanager
def loader() -> Iterator:
    """Hydra's loader of conf/."""
    from hydra import initialize_config_dir
    from hydra.core.global_hydra import GlobalHydra

    with initialize_config_dir(str(CONF.resolve()), version_base=None):
        yield GlobalHydra.instance().config_loader()


def choice(group: str) -> Definition | None:
    """Where config.yaml's defaults list chooses an option of a group."""
    path = CONF / "config.yaml"
    for entry in _child(yaml.compose(path.read_text(encoding="utf-8")), "defaults").value:
        node = _child(entry, group)
        if node is not None:
            return Definition(path, node.start_mark.line + 1, node.start_mark.index, _end(node))
    return None


def _child(node, name: str):
    """The value of a key of a YAML mapping node, or None."""
    if not isinstance(node, yaml.MappingNode):
        return None
    return next((value for key, value in node.value if key.value == name), None)


def _end(node) -> int:
    """Where a node's text ends; PyYAML puts a block's end at the next token, behind blank lines and comments."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(last, tuple) else last)
    return node.end_mark.index
