"""Errors of hub clients, explained."""

import contextlib
from collections.abc import Iterator

from pipeline.core.errors import InputError


@contextlib.contextmanager
def explain_hub_errors(repo_id: str, revision: str, instead: str) -> Iterator[None]:
    """Turn whatever a hub client raises into an InputError that names the repository and an alternative."""
    try:
        yield
    except Exception as error:
        reason = (str(error).strip() or "no reason given").splitlines()[0]
        raise InputError(
            f"could not fetch {repo_id} at {revision} ({type(error).__name__}: {reason}); "
            f"check the name, the revision and the network, or use files: {instead}"
        ) from error
