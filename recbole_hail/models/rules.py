"""Training-free rules as RecBole models: what any network must beat, and on repeating generators barely does."""

import math
from abc import abstractmethod

import numpy as np
import torch
from recbole.model.abstract_recommender import SequentialRecommender
from recbole.utils import InputType
from scipy import sparse
from torch import Tensor

from recbole_hail import checks
from recbole_hail.data.dataset import CONTEXT_END, CONTEXT_START
from recbole_hail.data.rows import distinct_rows
from recbole_hail.evaluation import rules
from recbole_hail.evaluation.rules import Sequences

_CHECKS = [
    ("MAX_ITEM_LIST_LENGTH", *checks.at_least(1)),
    ("train_on_valid", *checks.switch),
    ("seed", *checks.at_least(0)),
]


class Rule(SequentialRecommender):
    """Scores by counts of the whole history before the target and, for the rest, of the training part.

    Scores are float64: in float32 the popularity that breaks ties between counts in the hundreds is rounded away.
    """

    input_type = InputType.POINTWISE  # RecBole asks for one; nothing is sampled
    settings_of = ("GeneratorFrequency",)  # yaml/GeneratorFrequency.yaml holds what the rules have in common
    own_settings: tuple[str, ...] = ()  # positive numbers, which become attributes
    longest_history = math.inf  # MAX_ITEM_LIST_LENGTH cuts none off
    knows_generators = False  # by their numbers

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.elements = dataset.elements.numpy()  # [events], which rows point into
        self.popularity = np.zeros(self.n_items)
        self.other_parameter_name = ["popularity"]  # RecBole keeps what these name in checkpoints
        for name in self.own_settings:
            setattr(self, name, config[name])

    @classmethod
    def complete_settings(cls, config) -> list[str]:
        """What is wrong with the settings, one sentence each."""
        own = [(name, *checks.positive) for name in cls.own_settings]
        found = checks.check(config, own + _CHECKS)
        if config["resume"]:
            found.append(f"resume: {config['model']} counts in one go, there is nothing to continue; leave it out")
        if not config["single_spec"] or (config["nproc"] or 1) > 1:
            found.append(f"nproc: {config['nproc']} is more than the one process that {config['model']} counts in")
        return found

    def load_other_parameter(self, para):
        """RuntimeError, as of weights of other shapes, where what was counted is of other elements."""
        super().load_other_parameter(para)
        if len(self.popularity) != self.n_items:
            raise RuntimeError(f"{len(self.popularity) - 1} were counted")

    def count(self, training: Sequences, users: np.ndarray) -> None:
        """Takes from the training part what the rule needs of it.

        Args:
            training: the sequences that training may see, one per generator.
            users: [N], whose sequences they are.
        """
        self.popularity = rules.popularity_share(training, self.n_items)

    @abstractmethod
    def scores(self, histories: Sequences, users: np.ndarray) -> np.ndarray:
        """[B, n_items] for the histories of B rows and the generators they belong to, 0 where it is not known."""

    def full_sort_predict(self, interaction) -> Tensor:
        """[B, n_items], float64; padding scores -inf."""
        users = interaction[self.USER_ID].cpu().numpy() if self.USER_ID in interaction else np.zeros(len(interaction))
        scores = torch.from_numpy(self.scores(self._histories(interaction), users.astype(np.int64)))
        scores[:, 0] = -torch.inf
        return scores.to(interaction[self.ITEM_SEQ].device)

    def predict(self, interaction) -> Tensor:
        """[N], float64; rows of one history that follow one another, as RecBole's loaders give them, count it once."""
        fields = self._history_fields(interaction) + [self.USER_ID] * (self.USER_ID in interaction)
        first, row = distinct_rows(interaction, fields)
        return self.full_sort_predict(interaction[first])[row, interaction[self.ITEM_ID]]

    def _history_fields(self, interaction) -> list[str]:
        in_dataset = CONTEXT_START in interaction and CONTEXT_END in interaction
        return [CONTEXT_START, CONTEXT_END] if in_dataset else [self.ITEM_SEQ, self.ITEM_SEQ_LEN]

    def _histories(self, interaction) -> Sequences:
        """Everything before the target; of rows made by hand, the list that they bring."""
        first, second = (interaction[field].cpu().numpy() for field in self._history_fields(interaction))
        if first.ndim == 1:
            return rules.gather_sequences(self.elements, first, second)
        return Sequences(first[np.arange(first.shape[1]) < second[:, None]], second)


class GeneratorFrequency(Rule):
    """What this generator had most often; ties by popularity."""

    def scores(self, histories, users):
        return rules.smoothed_frequency(rules.element_counts(histories, self.n_items), self.popularity, 1)


class SmoothedFrequency(Rule):
    """The generator's counts under a Dirichlet prior: `concentration` events of average popularity."""

    own_settings = ("concentration",)

    def scores(self, histories, users):
        return rules.smoothed_frequency(
            rules.element_counts(histories, self.n_items), self.popularity, self.concentration
        )


class RecencyFrequency(Rule):
    """The generator's counts, an event counting half after each `half_life` events, under the same prior."""

    own_settings = ("half_life", "concentration")

    def scores(self, histories, users):
        decayed = rules.element_counts(histories, self.n_items, half_life=self.half_life)
        return rules.smoothed_frequency(decayed, self.popularity, self.concentration)


class MarkovChain(Rule):
    """What followed the newest element most often in the training sequences of all generators, under the same prior."""

    own_settings = ("concentration",)

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.transitions = sparse.csr_matrix((self.n_items, self.n_items))
        self.other_parameter_name = ["popularity", "transitions"]

    def count(self, training, users):
        super().count(training, users)
        self.transitions = rules.transition_counts(training, self.n_items)

    def scores(self, histories, users):
        newest = histories.elements[histories.ends - 1]  # [B]
        return rules.smoothed_frequency(self.transitions[newest], self.popularity, self.concentration)


class GeneratorKNN(Rule):
    """The generator's counts smoothed by those of similar generators, its own training counts not among them."""

    knows_generators = True
    own_settings = ("power", "weight")

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.n_users = dataset.user_num
        self.training_counts = sparse.csr_matrix((self.n_users, self.n_items))
        self.neighbours = rules.Neighbours.of(self.training_counts)
        self.other_parameter_name = ["popularity", "training_counts"]

    def load_other_parameter(self, para):
        super().load_other_parameter(para)
        self.neighbours = rules.Neighbours.of(self.training_counts)

    def count(self, training, users):
        super().count(training, users)
        of_user = sparse.csr_matrix(
            (np.ones(len(users)), (users, np.arange(len(users)))), shape=(self.n_users, len(users))
        )
        self.training_counts = of_user @ rules.element_counts(training, self.n_items)  # [users, n_items]
        self.neighbours = rules.Neighbours.of(self.training_counts)

    def scores(self, histories, users):
        return rules.generator_knn(
            rules.element_counts(histories, self.n_items),
            users,
            self.neighbours,
            self.popularity,
            power=self.power,
            weight=self.weight,
        )


# By their names, which RecBole knows them by.
RULES = ("GeneratorFrequency", "SmoothedFrequency", "RecencyFrequency", "MarkovChain", "GeneratorKNN")
