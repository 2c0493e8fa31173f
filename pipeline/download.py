"""Fetch a data set from the hub, at the revision conf/ names.

    python -m pipeline.download

Data that are files already (data=support_calls, data=local) need nothing here. Needs a network, as download_model does.
"""

from pathlib import Path
from typing import Any

from pipeline.core import files
from pipeline.core.cli import run_stage
from pipeline.core.errors import InputError
from pipeline.core.hub import explain_hub_errors
from pipeline.core.messages import first_line
from pipeline.core.paths import Paths
from pipeline.parameters.data import Data, HubData


def run(paths: Paths, *, data: Data) -> None:
    paths.raw_data.mkdir(parents=True, exist_ok=True)
    source = hub_data(data.hub, paths.raw_data) if data.hub else {"files": "read where they are"}
    files.write_json(paths.raw_data / "source.json", source)
    print(f"data: {source}")


def hub_data(hub: HubData, output: Path) -> dict[str, Any]:
    """Write every split of a hub data set as JSON Lines; returns the commit that `revision` stood for."""
    from datasets import load_dataset
    from huggingface_hub import HfApi

    with explain_hub_errors(hub.repo_id, hub.revision, "-S data=local -S data.train=FILE"):
        about = HfApi().dataset_info(hub.repo_id, revision=hub.revision)
        commit = about.sha
        splits = load_dataset(hub.repo_id, revision=commit)
    for split, expected in hub.rows.items():
        found = len(splits[split]) if split in splits else 0
        if found != expected:
            raise InputError(
                f"{hub.repo_id} at {commit}: split {split} has {found} rows, expected {expected} (data.hub.rows)"
            )
        try:
            files.write_jsonl(output / f"{split}.jsonl", splits[split])
        except (TypeError, ValueError) as error:  # dates, bytes, NaN
            raise InputError(
                f"{hub.repo_id} at {commit}: split {split} holds what JSON cannot: {first_line(error)}; "
                "save it as Parquet: -S data=local -S data.train=FILE"
            ) from None
    license = getattr(about.card_data, "license", None)
    return {"repo_id": hub.repo_id, "commit": commit} | ({"license": str(license)} if license else {})


if __name__ == "__main__":
    run_stage(run, online=True)
