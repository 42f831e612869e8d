"""The questions of a validation or test part and what each target is ranked among."""

from logging import getLogger

import numpy as np
import torch

from recbole_hail.data.history import EVENTS_BEFORE
from recbole_hail.errors import DataError, SettingsError
from recbole_hail.evaluation import candidates
from recbole_hail.evaluation.candidates import CandidateSets, Questions


class Phase:
    """`rows` of a part that ask something, in the order of generators, then time; their candidates and repeats.

    Args:
        part: with the history of `attach_history`.
        name: "valid" or "test".
        protocol: a name of `PROTOCOLS`.
        wanted: how many candidates it draws.

    Raises:
        DataError: no target has a candidate, or the kept draw was made for other data.
        SettingsError: `topk` asks for more elements than a list has.
    """

    def __init__(self, config, part, name: str, protocol: str, wanted: int):
        self.name, self.protocol, self.wanted, self.seed = name, protocol, wanted, config["candidates_seed"]
        before, history = part.inter_feat[EVENTS_BEFORE], part.history
        generators = part.inter_feat[part.uid_field]
        rows = torch.from_numpy(np.lexsort((before.numpy(), generators.numpy())))
        questions = _questions(part, rows)
        folder = config["candidates_dir"] or f"{config['checkpoint_dir']}/candidates"
        sets = candidates.kept(
            folder, config["dataset"], protocol, questions, wanted=wanted, seed=self.seed, phase=name
        )
        self.hash = sets.hash
        self._check_topk(len(history.popularity) - 2, config["topk"])
        asks = np.ones(len(rows), dtype=bool) if protocol == "full" else sets.counts > 0
        self._report(sets, asks)
        self.candidates = sets if protocol == "full" else CandidateSets(sets.elements[asks], sets.hash)
        self.rows = rows.numpy()[asks]  # [N]
        self.generators = questions.generator_names[asks]  # [N]
        repeats = history.repeats(generators[rows], part.inter_feat[part.iid_field][rows], before[rows])
        self.repeat = repeats[torch.from_numpy(asks)]  # bool [N]

    def _check_topk(self, others: int, topk: list[int]) -> None:
        most = others if self.protocol == "full" else self.wanted
        if max(topk) > most + 1:
            raise SettingsError([f"topk: {max(topk)} is more than the target and its {most} candidates ({self})"])

    def _report(self, sets: CandidateSets, asks: np.ndarray) -> None:
        """Nothing to say of RecBole's lists, which are short by design."""
        if self.protocol in ("full", "recbole") or (sets.counts == self.wanted).all():
            return
        if not asks.any():
            raise DataError(f"candidates: {self.protocol} leaves no target anything to be ranked among; take another")
        few, none = int((sets.counts < self.wanted).sum()), int((~asks).sum())
        getLogger().warning(
            f"candidates: {self.protocol} finds fewer than {self.wanted} for {few} of {len(asks)} targets, which are "
            f"ranked among as few as {sets.counts[asks].min()}; {none} targets without any are left out"
        )

    def __str__(self) -> str:
        drawn = "" if self.protocol == "full" else f" {self.wanted}, seed {self.seed}"
        return f"{self.protocol}{drawn}, {self.name}, lists {self.hash}"

    def described(self) -> dict:
        """For records: what results were measured against."""
        drawn = {} if self.protocol == "full" else {"drawn": self.wanted, "seed": self.seed}
        counts = {"targets": len(self.rows), "repeat targets": int(self.repeat.sum())}
        return {"protocol": self.protocol, **drawn, "hash": self.hash, **counts}


def _questions(part, rows: torch.Tensor) -> Questions:
    history = part.history
    generators, targets = (part.inter_feat[field][rows] for field in (part.uid_field, part.iid_field))
    ends = torch.cat([history.start[1:], torch.tensor([len(history.elements)])])
    return Questions(
        generators.numpy(),
        targets.numpy(),
        part.field2id_token[part.uid_field][generators.numpy()],
        part.field2id_token[part.iid_field][targets.numpy()],
        [history.elements[history.start[g] : ends[g]].unique().numpy() for g in generators],
        history.popularity.numpy(),
    )
