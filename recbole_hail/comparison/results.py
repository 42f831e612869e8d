"""What finished runs say: metrics of every generator from kept ranks, cost, and the lists that were ranked."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from recbole_hail.comparison.notation import UNTRAINED
from recbole_hail.evaluation.kept_ranks import KeptRanks
from recbole_hail.evaluation.metrics import Ranks, by_question, rows_by_target
from recbole_hail.files import read_json


@dataclass(frozen=True)
class Result:
    """One run. `values[targets]` are the generators' names [G], sorted, and their metrics [G, M].

    `steps` are those that were taken, by a mean's member that took the most. What is not `trained` only counts: there
    is one result of it, whatever the seed.
    """

    values: dict[str, tuple[np.ndarray, np.ndarray]]
    seconds: float | None
    steps: int | None
    parameters: int
    candidates: dict
    trained: bool = True


def record_file(folder: Path) -> Path:
    """What a run is known by: its settings, cost and results; a run without it has not ended."""
    return folder / "record.json"


def read_record(folder: Path) -> dict:
    """The record of a run that has ended."""
    return read_json(record_file(folder))


def several_versions(folders: Iterable[Path]) -> list[str]:
    """A line for each package of which the finished runs in `folders` had more than one version."""
    runs = defaultdict(lambda: defaultdict(int))  # by package and version
    for record in (read_record(folder) for folder in folders if record_file(folder).is_file()):
        for package, version in record.get("versions", {}).items():
            runs[package][version] += 1
    return [
        f"these runs had several versions of {package}: "
        + ", ".join(f"{version} ({count})" for version, count in found.items())
        for package, found in runs.items()
        if len(found) > 1
    ]


def ranks_file(folder: Path, protocol: str | None = None) -> Path:
    """Where a run's ranks are: under the protocol it was made with, or under another that it was ranked by later."""
    return folder / ("ranks.npz" if protocol is None else f"ranks.{protocol}.npz")


def read_candidates(folder: Path, protocol: str | None = None) -> dict:
    """What a run's test targets were ranked among; `protocol` as for `ranks_file`."""
    return KeptRanks.read(ranks_file(folder, protocol)).candidates


def read_result(
    folder: Path, config, metrics: list[str], *, protocol: str | None = None, view: str | None = None
) -> Result:
    """The result in a run's folder.

    Args:
        folder: of the run.
        config: RecBole's settings `metrics`, `topk` and `ties`.
        metrics: names in results, the columns of the values.
        protocol: as for `ranks_file`.
        view: "peer 1", "mean", …; by default the one to predict with. A model with a single view has no other.
    """
    record, kept = read_record(folder), KeptRanks.read(ranks_file(folder, protocol))
    choice = record["settings"].get("predict_with", "mean")
    asked = view or (choice if choice == "mean" else f"peer {choice}")
    view = 0 if len(kept.views) == 1 else kept.views.index(asked)  # a single one is called "peer 1", "mean" or "model"
    values = by_question(Ranks(*kept.ranks[:, view].T), config, config["ties"])
    values = np.stack([values[metric] for metric in metrics], axis=1)  # [N, M]
    rows = rows_by_target(kept.repeat)
    return Result(
        values={targets: _by_generator(kept.generators[chosen], values[chosen]) for targets, chosen in rows.items()},
        seconds=record["training seconds"],
        steps=record.get("steps"),
        parameters=record["parameters"],
        candidates=kept.candidates,
        trained=record.get("model") not in UNTRAINED,
    )


def _by_generator(generators: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Means over each generator's questions: names [G], sorted, and [G, M]."""
    names, owner, questions = np.unique(generators, return_inverse=True, return_counts=True)
    sums = np.zeros((len(names), values.shape[1]))
    np.add.at(sums, owner, values)
    return names, sums / questions[:, None]
