"""Which checkpoint a command opens: the one that is named, or the newest of a dataset."""

import sys
from collections import Counter
from datetime import datetime
from pathlib import Path

from recbole_hail.errors import SettingsError
from recbole_hail.files import read_json
from recbole_hail.settings import closest_name
from recbole_hail.users_models import class_name

SAVED = Path("saved")  # RecBole's checkpoint_dir, where it is not set


def add_checkpoint(parser, help: str) -> None:
    """`--checkpoint`, or in its place `--dataset`, which `chosen` then reads; and where the data of it lie."""
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--checkpoint", help=help)
    which.add_argument(
        "--dataset",
        "-d",
        help=f"instead of --checkpoint: the newest in {SAVED}/ for this dataset (with --model=NAME, of this model)",
    )
    parser.add_argument("--data_path", help="folder that holds the dataset's folder (default: as in training)")


def chosen(arguments, *, rather: str | None = None) -> str:
    """The path of the checkpoint that is asked for, which is said where it was not named.

    Args:
        rather: RecBole's name of a kind of model, such as SEQUENTIAL; of others only where there are none of it.

    Raises:
        SettingsError: there is none of this dataset and model.
    """
    if arguments.checkpoint is not None:
        return arguments.checkpoint
    model = class_name(arguments.model or "")
    found = {path: record for path in SAVED.glob("*.json") if (record := _record_of_run(path))}
    of_dataset = {path: record for path, record in found.items() if record["dataset"] == arguments.dataset}
    paths = [path.with_suffix(".pth") for path, record in of_dataset.items() if model in ("", record["model"])]
    if not paths:
        raise SettingsError([_none(arguments.dataset, arguments.model or "", list(found.values()))])
    newest = max(paths, key=lambda path: (_kind(found[path.with_suffix(".json")]) == rather, path.stat().st_mtime))
    trained = datetime.fromtimestamp(newest.stat().st_mtime)
    name = found[newest.with_suffix(".json")]["model"]
    print(f"{newest}: {name} for {arguments.dataset}, made {trained:%Y-%m-%d %H:%M}", file=sys.stderr)
    return str(newest)


def _record_of_run(path: Path) -> dict | None:
    """What a run wrote beside its checkpoint; None for any other JSON, and where the checkpoint is gone."""
    try:
        record = read_json(path)
    except (OSError, ValueError):
        return None
    is_record = isinstance(record, dict) and {"model", "dataset", "checkpoint"} <= record.keys()
    return record if is_record and path.with_suffix(".pth").is_file() else None


def _kind(record: dict) -> str | None:
    return (record.get("settings") or {}).get("MODEL_TYPE")


def _none(dataset: str, model: str, records: list[dict]) -> str:
    """`model` is as it was given, perhaps MODULE:CLASS, for a training needs the module too."""
    counts = Counter(f"{record['model']} on {record['dataset']}" for record in records)
    there = f"; it has {', '.join(sorted(counts))}" if counts else ""
    kind = f"checkpoint of {class_name(model)}" if model else "checkpoint"
    said = f"dataset: {SAVED}/ has no {kind} that was trained on {dataset}{there}"
    close = closest_name(Path(dataset).name, [record["dataset"] for record in records])
    if close == Path(dataset).name != dataset:
        return f"{said}. Give its name alone: --dataset={close}"
    asked = f"Did you mean --dataset={close}? If not, train" if close not in (None, dataset) else "Train"
    train = f"run_recbole --model={model or 'GeneratorKNN'} --dataset={dataset}"
    return f"{said}. {asked} one ({train}), or name a file with --checkpoint"
