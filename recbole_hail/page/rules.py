"""The rules that stand beside a model on its page: they count and do not train."""

import numpy as np
import torch
from recbole.config import Config
from recbole.data import create_dataset, data_preparation

from recbole_hail.evaluation.phase import Phase
from recbole_hail.evaluation.ranking import rank_targets
from recbole_hail.models.rules import Rule
from recbole_hail.page.report import Scorer
from recbole_hail.settings import of_data_and_evaluation
from recbole_hail.training.loading import LoadedRun
from recbole_hail.training.rules import count

# A number says little without these: what all had most often, what the generator had, and what generators like it had.
_COUNTED = ("GeneratorFrequency", "GeneratorKNN")
COMMONEST = "Pop"  # which names the same everywhere, and with which no forecast can be made
RULES_BESIDE = (COMMONEST, *_COUNTED)
_OF_ENTITIES = {"preload_weight", "additional_feat_suffix", "alias_of_entity_id", "alias_of_relation_id"}


class _Popularity(Rule):
    """The scores of RecBole's Pop, on the data of the other rules."""

    own_settings = ("train_neg_sample_args",)  # what is drawn for it RecBole's counts too

    def scores(self, histories, users):
        return np.tile(self.popularity, (len(users), 1))


class RulesBeside:
    """The rules counted on the training part that a model was trained on; they answer the same questions.

    Attributes:
        scorers: each by its name and, beside a model that is the same rule with other settings, by those that differ.
            A model that is one of them, with the same settings, does not stand beside itself.
    """

    def __init__(self, run: LoadedRun):
        configs = [_config(name, run.config) for name in _COUNTED]
        train, _, test = data_preparation(configs[0], create_dataset(configs[0]))
        self.train, self.test, self.config = train._dataset, test._dataset, configs[0]
        self.scorers, self._counted = [], []
        kinds = [(_Popularity, configs[0]), *((config.model_class, config) for config in configs)]
        for name, (kind, config) in zip(RULES_BESIDE, kinds, strict=True):
            called = _called(name, kind.own_settings, config, run.config)
            if called is not None:
                self.scorers.append(Scorer(called, name, can_forecast=name != COMMONEST))
                self._counted.append(kind(config, self.train).eval())
                count(self._counted[-1], self.train)

    def commonest(self, most: int) -> list[tuple[int, float]]:
        """The elements that are most frequent in the training part, with their shares of its events."""
        popularity = self._counted[0].popularity
        first = np.argsort(-popularity, kind="stable")[:most]
        shares = popularity[first] / popularity.sum()
        return [(int(number), float(share)) for number, share in zip(first, shares, strict=True) if share]

    def ranks(self, protocol: str, wanted: int) -> np.ndarray:
        """[N, rules, 3], the questions in the order of any model."""
        phase = Phase(self.config, self.test, "test", protocol, wanted)
        most = self.config["eval_batch_size"]
        found = [
            rank_targets(rule, self.test, phase.rows, phase.candidates, most_rows=most)[:, 0] for rule in self._counted
        ]
        return torch.stack(found, dim=1).numpy()


def _called(rule: str, settings: tuple[str, ...], config: Config, trained: Config) -> str | None:
    """`GeneratorKNN`; `GeneratorKNN with weight 80` beside one with another weight; None beside the very same."""
    if rule != trained["model"]:
        return rule
    differ = [f"{name} {_value(config, name)}" for name in settings if _value(config, name) != _value(trained, name)]
    return f"{rule} with {' and '.join(differ)}" if differ else None


def _value(config: Config, name: str):
    """RecBole makes a dictionary of a way to sample, that of none too."""
    return config[name]["distribution"] if isinstance(config[name], dict) else config[name]


def _config(rule: str, trained: Config) -> Config:
    """The rule's settings on the data and the evaluation of a trained model, without what it has of entities."""
    names = of_data_and_evaluation(trained) | {"checkpoint_dir"}
    if not trained["alias_of_item_id"]:  # by which a file of vectors adds to the elements
        names -= _OF_ENTITIES
    settings = {name: trained[name] for name in names if trained[name] is not None}
    settings |= {"train_on_valid": bool(trained["train_on_valid"]), "valid_metric": "MRR", "metrics": ["Hit", "MRR"]}
    settings["repeatable"] = True  # RecBole asks it of sequential models; nothing is drawn by it
    config = Config(model=rule, dataset=trained["dataset"], config_dict=settings)
    config["data_path"] = trained["data_path"]
    return config
