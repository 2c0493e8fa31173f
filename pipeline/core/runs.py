"""Names of runs: a run is a method trained with one seed, named `lora-17`.

A method that depends on no seed has one run, named like it.
"""


def run_name(method: str, seed: int | None) -> str:
    """The name of a run, as stages and files have it."""
    return method if seed is None else f"{method}-{seed}"


def parse_run(name: str) -> tuple[str, int | None]:
    """Method and seed of a run's name."""
    method, _, seed = name.rpartition("-")
    return (method, int(seed)) if method and seed.isdecimal() else (name, None)


def run_names(method: str, seeds: list[int]) -> list[str]:
    """The runs of a method with these seeds; the one run of a method that depends on none."""
    return [run_name(method, seed) for seed in seeds] or [method]
