"""The run that a person means by a name."""

from pipeline.core.errors import InputError
from pipeline.core.messages import listed
from pipeline.core.runs import parse_run, run_names
from pipeline.parameters.runs import SeedsOf


def find_run(name: str, seeds_of: SeedsOf) -> str:
    """The run of a method, or the run of this name. Raises InputError where it was not trained."""
    known = {method: run_names(method, seeds) for method, seeds in seeds_of.items()}
    if name in known:
        return known[name][0]
    if any(name in runs for runs in known.values()):
        return name
    method, _ = parse_run(name)
    there = listed([*known, *(run for runs in known.values() for run in runs if run not in known)])
    hint = f"; its runs: {listed(known[method])}" if method in known else ""
    raise InputError(f"no trained method {name!r}{hint or f'; there are {there}'}")
