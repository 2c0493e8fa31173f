"""`validate`: how the summaries are written by which settings are chosen."""

from pipeline.core.params import section
from pipeline.parameters.types import Few


@section
class Validate:
    """num_beams: those of generate, for these summaries alone."""

    num_beams: Few
