"""`metrics`: further metrics than the task's own, in groups as HELM has them (conf/metrics/)."""

from typing import Annotated, Literal, get_args

from pydantic import AfterValidator, Field

from pipeline.core.params import section
from pipeline.parameters.types import Count, Name

# What a perturbed input is changed by (pipeline/perturbing), by the group that it belongs to.
Robustness = Literal["typos", "lower_case", "fillers", "contractions", "speakers"]
Fairness = Literal["names", "genders"]
# What reads outputs beside the task's own metrics (pipeline/judging).
JudgeName = Literal["base_likelihood", "similarity"]
PERTURBATIONS: tuple[str, ...] = (*get_args(Robustness), *get_args(Fairness))
JUDGES: tuple[str, ...] = get_args(JudgeName)


def refuse_repetition(names: list[str]) -> list[str]:
    if len(set(names)) < len(names):
        raise ValueError("one is named twice")
    return names


NoRepetition = AfterValidator(refuse_repetition)


@section
class Metrics:
    """`name`: of the file in conf/metrics/. `perturbations`: changes of the test inputs, each of which every method
    answers again. `examples`: the first N of the test set are perturbed; null: all. `names_from`: Faker's locale that
    the names of the perturbation `names` come from. `judges`: what reads the outputs.
    """

    name: Name
    perturbations: Annotated[list[Robustness | Fairness], NoRepetition]
    examples: Count | None
    names_from: Annotated[str, Field(pattern=r"^[a-z]{2,3}_[A-Z]{2}$")]
    judges: Annotated[list[JudgeName], NoRepetition]
