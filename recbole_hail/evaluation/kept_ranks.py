"""The file of ranks that a test leaves: where every target came, so that other metrics need no second test."""

import json
from pathlib import Path
from typing import NamedTuple

import numpy as np

from recbole_hail.evaluation.phase import Phase
from recbole_hail.files import atomic_write


class KeptRanks(NamedTuple):
    """The N questions of a test, answered by each view of a model."""

    ranks: np.ndarray  # int [N, views, 3], see `rank_targets`
    views: list[str]
    generators: np.ndarray  # [N], names
    repeat: np.ndarray  # bool [N]
    candidates: dict  # what the targets were ranked among, as `Phase.described` has it

    @classmethod
    def of(cls, phase: Phase, views: list[str], ranks) -> "KeptRanks":
        """Of the questions of a phase, whose `ranks` are [N, views, 3]."""
        return cls(np.asarray(ranks), views, phase.generators.astype(str), np.asarray(phase.repeat), phase.described())

    @classmethod
    def read(cls, path: Path) -> "KeptRanks":
        with np.load(path) as file:
            kept = {name: file[name] for name in cls._fields}
        return cls(**kept | {"views": kept["views"].tolist(), "candidates": json.loads(str(kept["candidates"]))})

    def write(self, path: Path) -> None:
        with atomic_write(path) as temporary:
            np.savez_compressed(temporary, **self._asdict() | {"candidates": json.dumps(self.candidates)})
