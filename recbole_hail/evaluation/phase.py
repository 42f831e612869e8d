"""The questions of a validation or test part and what each target is ranked among."""

from logging import getLogger

import numpy as np
import torch
from recbole.utils import set_color

from recbole_hail.data.history import EVENTS_BEFORE, asked_about
from recbole_hail.errors import DataError, SettingsError
from recbole_hail.evaluation import candidates
from recbole_hail.evaluation.candidates import CandidateSets, Questions
from recbole_hail.evaluation.metrics import SUBSETS
from recbole_hail.evaluation.protocol import protocol_of


class Phase:
    """`rows` of a part that ask something, in the order of generators, then time; their candidates and repeats.

    Args:
        part: with the history of `attach_history`.
        name: "valid" or "test".
        protocol: a name of `PROTOCOLS`.
        wanted: how many candidates it draws.

    Raises:
        DataError: no target has a candidate, or the kept draw was made for other data.
        SettingsError: `valid_metric` is one of targets that this phase has none of.
    """

    def __init__(self, config, part, name: str, protocol: str, wanted: int):
        self.name, self.protocol, self.wanted, self.seed = name, protocol, wanted, config["candidates_seed"]
        before, history = part.inter_feat[EVENTS_BEFORE], part.history
        generators = part.inter_feat[part.uid_field]
        rows = torch.from_numpy(np.lexsort((before.numpy(), generators.numpy())))
        rows = rows[asked_about(part, before)[rows]]
        questions = _questions(part, rows)
        folder = config["candidates_dir"] or f"{config['checkpoint_dir']}/candidates"
        sets = candidates.load_or_draw(
            folder, config["dataset"], protocol, questions, wanted=wanted, seed=self.seed, phase=name
        )
        self.hash = sets.hash
        asks = np.ones(len(rows), dtype=bool) if protocol == "full" else sets.counts > 0
        if not asks.any():
            raise DataError(f"candidates: {protocol} leaves no target anything to be ranked among; take another")
        self.shortage = self._shortage(sets, asks)
        self.candidates = sets if protocol == "full" else CandidateSets(sets.elements[asks], sets.hash)
        self.rows = rows.numpy()[asks]  # [N]
        self.generators = questions.generator_names[asks]  # [N]
        repeats = history.repeats(generators[rows], part.inter_feat[part.iid_field][rows], before[rows])
        self.repeat = repeats[torch.from_numpy(asks)]  # bool [N]
        self._check_valid_metric(config["valid_metric"])

    def _check_valid_metric(self, metric: str) -> None:
        for subset, rows in zip(SUBSETS, (self.repeat, ~self.repeat), strict=True):
            if self.name == "valid" and metric.lower().startswith(f"{subset}_") and not rows.any():
                raise SettingsError(
                    [f"valid_metric: {metric!r} cannot be measured, for no validation target is {subset}; take another"]
                )

    def _shortage(self, sets: CandidateSets, asks: np.ndarray) -> str | None:
        """What to tell of lists that came out short; RecBole's are so by design."""
        if self.protocol in ("full", "recbole") or (sets.counts == self.wanted).all():
            return None
        few, none = int((sets.counts < self.wanted).sum()), int((~asks).sum())
        rest = f", the others are ranked among {sets.counts[asks].min()} or more" if few > none else ""
        return (
            f"candidates: {self.protocol} finds fewer than {self.wanted} for {few} of {len(asks)} targets: {none} have "
            f"none and are left out{rest}"
        )

    def log(self, ties: str) -> None:
        getLogger().info(set_color("candidates", "blue") + f": {self}, ties {ties}")
        if self.shortage:
            getLogger().warning(self.shortage)

    def __str__(self) -> str:
        drawn = "" if self.protocol == "full" else f" {self.wanted}, seed {self.seed}"
        return f"{self.protocol}{drawn}, {self.name}, lists {self.hash}"

    def described(self) -> dict:
        """For records: what results were measured against."""
        drawn = {} if self.protocol == "full" else {"drawn": self.wanted, "seed": self.seed}
        counts = {"targets": len(self.rows), "repeat targets": int(self.repeat.sum())}
        short = {"shortage": self.shortage} if self.shortage else {}
        return {"protocol": self.protocol, **drawn, "hash": self.hash, **counts, **short}


def phase_of(config, part) -> Phase | None:
    """What a part of a split asks; None where RecBole evaluates by itself, as it does the training part."""
    name = getattr(part, "phase", None)
    named = protocol_of(config, name) if name in ("valid", "test") and hasattr(part, "history") else None
    return named and Phase(config, part, name, *named)


def _questions(part, rows: torch.Tensor) -> Questions:
    generators, targets = (part.inter_feat[field][rows] for field in (part.uid_field, part.iid_field))
    return Questions(
        generators.numpy(),
        targets.numpy(),
        part.field2id_token[part.uid_field][generators.numpy()],
        part.field2id_token[part.iid_field][targets.numpy()],
        part.history.distinct(generators),
        part.history.popularity.numpy(),
    )
