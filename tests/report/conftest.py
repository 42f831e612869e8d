"""Runs that were never trained, with results of the test's choosing."""

import json

import numpy as np
import pytest


@pytest.fixture
def write_run():
    """Writes record and ranks as a run leaves them: `ranks` [N, views, 3], one generator for each question."""

    def write(folder, ranks, *, views=("model",), repeat=None, generators=None, predict_with="mean", **record):
        folder.mkdir(parents=True)
        ranks = np.asarray(ranks)
        np.savez_compressed(
            folder / "ranks.npz",
            ranks=ranks,
            views=list(views),
            generators=generators or [f"g{row}" for row in range(len(ranks))],
            repeat=np.zeros(len(ranks), dtype=bool) if repeat is None else repeat,
        )
        kept = {
            "settings": {"predict_with": predict_with},
            "training seconds": 1.0,
            "parameters": 10,
            "candidates": {"test": {"protocol": "strict", "drawn": 99, "seed": 2020, "hash": "abc"}},
        }
        (folder / "record.json").write_text(json.dumps(kept | record))

    return write
