"""The test questions under one protocol, answered by the model, by each of its peers and by rules that do not train."""

from dataclasses import dataclass

import numpy as np
import torch
from recbole.utils import ModelType

from recbole_hail.evaluation.phase import Phase
from recbole_hail.evaluation.ranking import chosen_view, first_answers, ranks_of, score_targets, view_names
from recbole_hail.page.report import Scorer
from recbole_hail.page.rules import RulesBeside
from recbole_hail.training.loading import LoadedRun


@dataclass(frozen=True)
class Answers:
    """N questions; S scorers are the model's views, then the rules."""

    phase: Phase
    scorers: list[Scorer]
    ranks: np.ndarray  # [N, S, 3], see `rank_targets`
    firsts: np.ndarray  # [N, views], the element that each view puts first
    among_all: bool  # whether each target is ranked among all other elements

    @property
    def repeat(self) -> np.ndarray:
        return self.phase.repeat.numpy()

    @property
    def generators(self) -> np.ndarray:
        return self.phase.generators


def answer(run: LoadedRun, rules: RulesBeside, protocol: str, wanted: int) -> Answers:
    """Ranks the targets of the test under a protocol.

    Args:
        wanted: how many candidates the protocol draws.

    Raises:
        DataError: no target has a candidate under this protocol.
    """
    phase = Phase(run.config, run.test, "test", protocol, wanted)
    views = view_names(run.model)
    ranks = torch.zeros(len(phase.rows), len(views), 3, dtype=torch.int64)
    firsts = torch.zeros(len(phase.rows), len(views), dtype=torch.int64)
    for scored in score_targets(
        run.model, run.test, phase.rows, phase.candidates, most_rows=run.config["eval_batch_size"]
    ):
        ranks[scored.batch, scored.view] = ranks_of(scored)
        firsts[scored.batch, scored.view] = first_answers(scored)
    of_rules = rules.ranks(protocol, wanted)
    together = np.concatenate([ranks.numpy(), of_rules], axis=1)
    among_all = _among_all(phase, run.test.item_num - 2)
    return Answers(phase, _scorers(run, views) + rules.scorers, together, firsts.numpy(), among_all)


def _scorers(run: LoadedRun, views: list[str]) -> list[Scorer]:
    names = [run.config["model"] if view == "model" else view for view in views]
    sequential, chosen = run.config["MODEL_TYPE"] == ModelType.SEQUENTIAL, chosen_view(run.model)
    return [Scorer(name, None, sequential and view == chosen) for view, name in enumerate(names)]


def _among_all(phase: Phase, others: int) -> bool:
    """`full` has no lists; the others draw all where these are few. Only `paper` has one element twice."""
    lists = phase.candidates
    return lists.elements is None or (phase.protocol != "paper" and bool((lists.counts == others).all()))
