"""Where two runs were trained: another device, process or thread count, or version moves a score as a seed does."""

from typing import Any

Environments = dict[str, dict[str, Any]]  # system -> device, processes, threads, versions
ALONE = {"processes": 1}  # of records from before several processes could share the work


def environment_changes(before: Environments, now: Environments) -> dict[str, list[str]]:
    """What is different -> the systems that it concerns, of those that both sides have: `torch 2.13.0, now 2.14.0`."""
    changes: dict[str, list[str]] = {}
    for system in now:
        if system in before:
            for change in _changes(before[system], now[system]):
                changes.setdefault(change, []).append(system)
    return changes


def _changes(before: dict[str, Any], now: dict[str, Any]) -> list[str]:
    before, now = ALONE | before, ALONE | now
    changes = [
        f"{key} {before.get(key)}, now {now.get(key)}"
        for key in ("device", "processes", "threads")
        if before.get(key) != now.get(key)
    ]
    old, new = before.get("versions", {}), now.get("versions", {})
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return changes + [f"{name} {old.get(name, 'none')}, now {new.get(name, 'none')}" for name in names]
