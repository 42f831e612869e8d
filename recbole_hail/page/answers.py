"""The test questions under one protocol, answered by the model, by each of its peers and by rules that do not train."""

from dataclasses import dataclass

import numpy as np
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation

from recbole_hail.evaluation.phase import Phase
from recbole_hail.evaluation.ranking import counted, first_answers, rank_targets, score_targets, views_of
from recbole_hail.models.rules import Rule
from recbole_hail.settings import of_data_and_evaluation
from recbole_hail.training.opening import Opened
from recbole_hail.training.rules import count

# A number says little without these: what all had most often, what the generator had, and what generators like it had.
_COUNTED = ("GeneratorFrequency", "GeneratorKNN")
RULES_BESIDE = ("Pop", *_COUNTED)


@dataclass(frozen=True)
class Answers:
    """N questions; S scorers are the model's views, then the rules."""

    phase: Phase
    scorers: list[str]
    views: int  # how many of the scorers are the model's
    ranks: np.ndarray  # [N, S, 3], see `rank_targets`
    firsts: np.ndarray  # [N, views], the element that each view puts first
    among_all: bool  # whether each target is ranked among all other elements

    @property
    def repeat(self) -> np.ndarray:
        return self.phase.repeat.numpy()

    @property
    def generators(self) -> np.ndarray:
        return self.phase.generators


class _Popularity(Rule):
    """The scores of RecBole's Pop, on the data of the other rules."""

    def scores(self, histories, users):
        return np.tile(self.popularity, (len(users), 1))


class RulesBeside:
    """The rules counted on the training part that a model was trained on; they answer the same questions."""

    def __init__(self, opened: Opened):
        configs = [_config(name, opened.config) for name in _COUNTED]
        train, _, test = data_preparation(configs[0], create_dataset(configs[0]))
        self.train, self.test, self.config = train._dataset, test._dataset, configs[0]
        kinds = [(_Popularity, configs[0]), *((config.model_class, config) for config in configs)]
        self.models = [kind(config, self.train).eval() for kind, config in kinds]
        for model in self.models:
            count(model, self.train)

    def ranks(self, protocol: str, wanted: int) -> tuple[Phase, np.ndarray]:
        """The questions in the order of any model, and [N, rules, 3]."""
        phase = Phase(self.config, self.test, "test", protocol, wanted)
        most = self.config["eval_batch_size"]
        found = [
            rank_targets(model, self.test, phase.rows, phase.candidates, most_rows=most)[:, 0] for model in self.models
        ]
        return phase, torch.stack(found, dim=1).numpy()


def _config(rule: str, trained: Config) -> Config:
    """The rule's settings on the data and the evaluation of a trained model."""
    names = of_data_and_evaluation(trained) | {"checkpoint_dir"}
    settings = {name: trained[name] for name in names if trained[name] is not None}
    settings |= {"train_on_valid": bool(trained["train_on_valid"]), "valid_metric": "MRR", "metrics": ["Hit", "MRR"]}
    settings["repeatable"] = True  # RecBole asks it of sequential models; nothing is drawn by it
    config = Config(model=rule, dataset=trained["dataset"], config_dict=settings)
    config["data_path"] = trained["data_path"]
    return config


def answer(opened: Opened, rules: RulesBeside, protocol: str, wanted: int) -> Answers:
    """Ranks the targets of the test under a protocol.

    Args:
        wanted: how many candidates the protocol draws.

    Raises:
        DataError: no target has a candidate under this protocol.
    """
    phase = Phase(opened.config, opened.test, "test", protocol, wanted)
    views = views_of(opened.model)
    ranks = torch.zeros(len(phase.rows), len(views), 3, dtype=torch.int64)
    firsts = torch.zeros(len(phase.rows), len(views), dtype=torch.int64)
    for scored in score_targets(
        opened.model, opened.test, phase.rows, phase.candidates, most_rows=opened.config["eval_batch_size"]
    ):
        ranks[scored.batch, scored.view] = counted(scored)
        firsts[scored.batch, scored.view] = first_answers(scored)
    _, of_rules = rules.ranks(protocol, wanted)
    names = [opened.config["model"] if view == "model" else view for view in views]
    together = np.concatenate([ranks.numpy(), of_rules], axis=1)
    among_all = _among_all(phase, opened.test.item_num - 2)
    return Answers(phase, [*names, *RULES_BESIDE], len(views), together, firsts.numpy(), among_all)


def _among_all(phase: Phase, others: int) -> bool:
    """`full` has no lists; the others draw all where these are few. Only `paper` has one element twice."""
    lists = phase.candidates
    return lists.elements is None or (phase.protocol != "paper" and bool((lists.counts == others).all()))
