"""The disk that a whole run takes: the base, what trainings leave, and checkpoints while they run."""

from pipeline.planning.method_plan import MethodPlan

CACHED = 2  # a model is in its folder and in DVC's cache, unless the file system can share them


def needed(plans: list[MethodPlan], seeds: int) -> int:
    """Bytes. Checkpoints count once, for the largest training; trainings run one after another."""
    base = max((plan.generation.weights for plan in plans), default=0)
    saved = sum(plan.saved for plan in plans) * seeds
    return CACHED * (base + saved) + max((plan.checkpoints for plan in plans), default=0)
