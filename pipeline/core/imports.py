"""What a module imports from this project: the code that its result can depend on.

The stage `code` lists it for DVC, and a training's checkpoints are keyed by it. Files are parsed, never imported.
"""

import ast
import importlib.util
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("pipeline", "support_calls", "pretraining")
# What can stop a stage and never changes what one writes: an edit of it reruns nothing.
WITHOUT_EFFECT = "pipeline.trial"
# Packages whose modules are imported by name, each with the parameter that names one in dvc.yaml.
REGISTRIES = {"pipeline.methods": "item.method", "pipeline.models.architectures": "model.architecture"}


def closure(module: str, chosen: Mapping[str, str] | None = None) -> list[Path]:
    """The files of the project that `module` imports, itself included, relative to the project's folder and sorted.

    At any depth, imports inside functions too; not those for type checkers only. A package's __init__.py counts unless
    it holds nothing but a docstring. `chosen` names the module of a registry that is imported, for instance
    {"pipeline.methods": "lora"}. Where it does not, no module of that registry counts, but what any of them imports
    does. Raises ModuleNotFoundError for a module of the project that has no file.
    """
    chosen = chosen or {}
    seen: set[str] = set()
    left = [module]
    while left:
        name = left.pop()
        if name in seen:
            continue
        seen.add(name)
        left += [*_parents(name), *imports(name)]
        if name in chosen:
            left.append(f"{name}.{chosen[name]}")
        elif name in REGISTRIES:
            left += [imported for member in members(name) for imported in imports(f"{name}.{member}")]
    return sorted(_file(name).relative_to(ROOT) for name in seen if _has_code(name))


def members(package: str) -> list[str]:
    """The names of a package's public modules."""
    return sorted(path.stem for path in _file(package).parent.glob("[!_]*.py"))


@cache
def _file(module: str) -> Path:
    path = ROOT / module.replace(".", "/")
    for file in (path.with_suffix(".py"), path / "__init__.py"):
        if file.is_file():
            return file
    raise ModuleNotFoundError(f"no module {module} in {ROOT}")


@cache
def _tree(module: str) -> ast.Module:
    return ast.parse(_file(module).read_text(encoding="utf-8"))


def _has_code(module: str) -> bool:
    body = _tree(module).body
    return not all(isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) for node in body)


def _parents(module: str) -> list[str]:
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


@cache
def imports(module: str) -> tuple[str, ...]:
    """The modules of the project that a module names in its import statements."""
    package = module if _file(module).name == "__init__.py" else module.rpartition(".")[0]
    names: list[str] = []
    for node in _statements(_tree(module)):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            origin = importlib.util.resolve_name("." * node.level + (node.module or ""), package)
            names += [
                f"{origin}.{alias.name}" if _is_module(f"{origin}.{alias.name}") else origin for alias in node.names
            ]
    ours = (name for name in names if name.partition(".")[0] in PACKAGES)
    return tuple(name for name in ours if not f"{name}.".startswith(f"{WITHOUT_EFFECT}."))


def _is_module(name: str) -> bool:
    try:
        return name.partition(".")[0] in PACKAGES and _file(name).is_file()
    except ModuleNotFoundError:
        return False


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Every node of a syntax tree but what is for type checkers only."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and ast.unparse(child.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            continue
        yield child
        yield from _statements(child)
