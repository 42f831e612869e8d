"""What a test leaves of its ranks comes back as it was."""

from types import SimpleNamespace

import numpy as np
import torch

from recbole_hail.evaluation.kept_ranks import KeptRanks


def test_what_is_written_comes_back(tmp_path):
    described = {"protocol": "strict", "drawn": 99, "seed": 2020, "hash": "abc", "shortage": "candidates: …"}
    phase = SimpleNamespace(
        generators=np.array(["44|BAR/NIGHT CLUB", "é"], dtype=object),
        repeat=torch.tensor([True, False]),
        described=lambda: described,
    )
    ranks = torch.tensor([[[0, 1, 99], [3, 0, 99]], [[98, 0, 99], [5, 2, 99]]])  # 2 questions, 2 views
    KeptRanks.of(phase, ["peer 1", "mean"], ranks).write(tmp_path / "ranks.npz")
    kept = KeptRanks.read(tmp_path / "ranks.npz")
    assert kept.ranks.tolist() == ranks.tolist()
    assert (kept.views, kept.candidates) == (["peer 1", "mean"], described)
    assert kept.generators.tolist() == ["44|BAR/NIGHT CLUB", "é"]
    assert kept.repeat.dtype == bool and kept.repeat.tolist() == [True, False]
    assert [path.name for path in tmp_path.iterdir()] == ["ranks.npz"]
