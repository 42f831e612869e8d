"""What all models trained on windows share: embedding, networks, prediction layer, and how they are scored."""

from abc import abstractmethod

import torch
from recbole.model.abstract_recommender import SequentialRecommender
from torch import Tensor, nn

from recbole_hail import checks
from recbole_hail.data.loader import TARGET_ELEMENT, TARGET_POSITION, WindowBatch
from recbole_hail.data.rows import distinct_rows
from recbole_hail.losses import LossParts, fused_hail_loss_parts
from recbole_hail.models import settings
from recbole_hail.networks import BASE_NETWORKS, PeerNetworks, Sizes, predicts
from recbole_hail.networks.base import visible_positions
from recbole_hail.threads import side_by_side

POSITIONS_AT_A_TIME = 2**13  # of sequences that are encoded without gradients


class WindowedRecommender(SequentialRecommender):
    """T networks between one embedding and one prediction layer, trained on whole windows (see `WindowLoader`).

    A *view* is a way to score: one for each peer, and, with two peers or more, their mean. The mean is taken of the
    logits, that is, of log-likelihoods up to a constant of each sequence: it then needs one product with the
    embedding table like any single peer, because the logits are linear in what the head puts out.
    """

    settings_of = ("HAIL",)  # yaml/HAIL.yaml holds the defaults of them all; a model's own yaml only what differs
    parts: LossParts | None = None  # of the newest loss
    step = 0  # optimiser steps taken so far, which the trainer tells before each,
    total_steps = 1  # and how many there will be in all
    knows_generators = False  # by their numbers
    has_peers = True  # one at least
    learns = ("masked", "next")  # what its training batches hold, and so what its base networks must predict
    own_checks: tuple = ()  # of settings that this model alone has, see `checks.check`

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.peers = config["peers"]
        self.predicts = predicts(config["base_network"][0])
        self.needs_visible = any(BASE_NETWORKS[name].needs_visible for name in config["base_network"])
        self.mask_token = self.n_items
        self.history_fields = [self.ITEM_SEQ, self.ITEM_SEQ_LEN]  # what tells one history from another
        sizes = Sizes(
            positions=self.max_seq_length,
            layers=config["n_layers"],
            heads=config["n_heads"],
            hidden_size=config["hidden_size"],
            inner_size=config["inner_size"],
            hidden_dropout=config["hidden_dropout_prob"],
            attention_dropout=config["attn_dropout_prob"],
            activation=config["hidden_act"],
            layer_norm_eps=config["layer_norm_eps"],
        )
        self.networks = self.build_networks(
            config,
            dataset,
            base_networks=config["base_network"],
            sizes=sizes,
            elements=self.n_items - 1,
            initializer_range=config["initializer_range"],
            options=self.network_options(config),
        )
        self.views = [f"peer {peer}" for peer in range(1, self.peers + 1)] + ["mean"] * (self.peers > 1)
        choice = config["predict_with"]
        self.view = len(self.views) - 1 if choice == "mean" else choice - 1

    @classmethod
    def complete_settings(cls, config) -> list[str]:
        """Brings the settings into one form and returns what is wrong with them."""
        settings.normalise(config)
        return settings.problems(config, learns=cls.learns) + checks.check(config, cls.own_checks)

    @classmethod
    def network_options(cls, config) -> dict[str, dict]:
        """Options of single base networks, by their name, out of the settings."""
        return {}

    def build_networks(self, config, dataset, **common) -> PeerNetworks:
        """From the arguments that all models share; a model with networks of its own makes them here."""
        return PeerNetworks(**common)

    @abstractmethod
    def loss_parts(self, interaction) -> LossParts:
        """The loss of a batch of `WindowLoader` and its parts."""

    def calculate_loss(self, interaction) -> Tensor:
        """What is trained; a class made from this one may add to it. The parts are kept for the trainer's log."""
        self.parts = self.loss_parts(interaction)
        return self.parts.total

    def forward(self, item_seq: Tensor, item_seq_len: Tensor) -> Tensor:
        """[B, d], what `predict_with` predicts the next element with, as RecBole's sequential models give it."""
        return self.encode(item_seq, item_seq_len)[self.view]

    @property
    def item_embedding(self) -> nn.Embedding:
        """RecBole's name of the table of elements, [n_items + 1, d]: padding, the elements, [MASK]."""
        return self.networks.embedding.element

    def fused_loss_parts(self, interaction, **loss_settings) -> LossParts:
        """Prediction layer and loss in one for a batch of `WindowLoader`; settings as for `fused_hail_loss_parts`."""
        return fused_hail_loss_parts(*self.prediction(interaction), **loss_settings)

    def prediction(self, interaction) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Hidden states [T, M, d], table [V, d], bias [V] and targets [M] of a batch of `WindowLoader`."""
        return (
            self.hidden_at_targets(interaction),
            self.networks.embedding.predictable,
            self.networks.head.bias,
            interaction[TARGET_ELEMENT] - 1,  # row k of the table is element k + 1
        )

    def hidden_at_targets(self, batch: WindowBatch) -> Tensor:
        """[T, M, d] of a batch of `WindowLoader`: the input of the product with the embedding table."""
        sequences = batch[self.ITEM_SEQ]
        visible = self.visible(sequences, batch[self.ITEM_SEQ_LEN]) if batch.padded else None
        return self.networks(sequences, batch[TARGET_POSITION], visible=visible, most=batch.most_targets)

    def visible(self, sequences: Tensor, lengths: Tensor) -> Tensor | None:
        return visible_positions(sequences, lengths) if self.needs_visible else None

    def encode(self, sequences: Tensor, lengths: Tensor) -> Tensor:
        """What each view predicts the next element with.

        Args:
            sequences: [B, L], histories padded with 0 on the right; L may exceed the longest.
            lengths: [B], each at least 1.

        Returns:
            [views, B, d], the input of the product with the embedding table.
        """
        given = self.ask(sequences[:, : int(lengths.max())], lengths)
        elsewhere = sequences.device.type != "cpu" or torch.compiler.is_compiling()
        # Dropout draws, and autocast is in force, on this thread alone.
        if elsewhere or torch.is_grad_enabled() or self.training or torch.is_autocast_enabled("cpu"):
            return self.with_mean(self._answers(*given))
        # On a CPU few sequences at a time, which stay in its cache, and several times on its cores.
        parts = min(-(-given[0].numel() // POSITIONS_AT_A_TIME), len(sequences)) or 1
        hidden = side_by_side(self._answers, *(tensor.tensor_split(parts) for tensor in given))
        return self.with_mean(torch.cat(hidden, 1))

    def _answers(self, sequences: Tensor, lengths: Tensor, asked: Tensor) -> Tensor:
        """Of the peers, to what `ask` gives, [T, B, d]."""
        rows = torch.arange(len(sequences), device=sequences.device)
        positions = rows * sequences.shape[1] + asked
        return self.networks(sequences, positions, visible=self.visible(sequences, lengths), most=1)

    def with_mean(self, hidden: Tensor) -> Tensor:
        """[T, B, d] of the peers -> [views, B, d]."""
        return hidden if self.peers == 1 else torch.cat([hidden, hidden.mean(0, keepdim=True)])

    def encode_rows(self, interaction) -> Tensor:
        """`encode` for rows of the dataset, which tell more of a history than its elements."""
        return self.encode(interaction[self.ITEM_SEQ], interaction[self.ITEM_SEQ_LEN])

    def ask(self, sequences: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The networks' input that asks for the next element, its lengths, and the position of the answer, [B]."""
        if self.predicts == "masked":
            sequences, lengths = self._append_mask(sequences, lengths)
        elif sequences.shape[1] > self.max_seq_length:  # rows made by hand; RecBole's are cut
            sequences, lengths = self.make_room(sequences, lengths, 0)
        return sequences, lengths, lengths - 1

    def _append_mask(self, sequences: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor]:
        """[MASK] after each history; only a history that fills the network's input loses its oldest element."""
        sequences, kept = self.make_room(sequences, lengths, 1)
        return sequences.scatter(1, kept[:, None], self.mask_token), kept + 1

    @property
    def longest_history(self) -> int:
        """How many elements a question may tell of; older ones are not read."""
        return self.max_seq_length - (self.predicts == "masked")

    def make_room(self, sequences: Tensor, lengths: Tensor, room: int) -> tuple[Tensor, Tensor]:
        """The newest elements that leave `room` in the networks' input, at least `room` zeros after them; and how many.

        [B, L] and [B] -> [B, at most L + room] and [B].
        """
        kept = lengths.clamp(max=self.max_seq_length - room)
        column = torch.arange(min(sequences.shape[1] + room, self.max_seq_length), device=sequences.device)
        index = (column + (lengths - kept)[:, None]).clamp(max=sequences.shape[1] - 1)
        return sequences.gather(1, index).masked_fill(column >= kept[:, None], 0), kept

    def score_encoded(self, hidden: Tensor) -> Tensor:
        """Scores of every element, [..., d] of `encode` -> [..., n_items]; padding scores -inf."""
        return torch.nn.functional.pad(self.networks.logits(hidden), (1, 0), value=-torch.inf)

    def score_candidates(self, hidden: Tensor, elements: Tensor) -> Tensor:
        """Scores of some elements only, [B, d] of `encode` and [B, K] -> [B, K]; padding scores anything."""
        return self.networks.candidate_logits(hidden[:, None], elements)

    def predict(self, interaction) -> Tensor:
        """Scores of the element of each row, [N], by the view that `predict_with` names.

        Rows of one sequence that follow one another, as RecBole's loaders give them, are encoded once.
        """
        told = [field for field in self.history_fields if field in interaction]  # rows made by hand may tell less
        first, row = distinct_rows(interaction, told)
        hidden = self.encode_rows(interaction[first])[self.view]  # [distinct, d]
        return self.networks.candidate_logits(hidden[row], interaction[self.ITEM_ID])

    def full_sort_predict(self, interaction) -> Tensor:
        """[B, n_items], by the view that `predict_with` names."""
        return self.score_encoded(self.encode_rows(interaction)[self.view])
