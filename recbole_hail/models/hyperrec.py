"""HyperRec as a RecBole model: elements change from period to period with the company they keep."""

import torch
from torch import Tensor

from recbole_hail import checks
from recbole_hail.data.dataset import CONTEXT_END
from recbole_hail.data.loader import TARGET_ELEMENT, TARGET_POSITION
from recbole_hail.data.periods import WAYS, Periods, cut_periods
from recbole_hail.losses import LossParts, fused_hail_loss_parts
from recbole_hail.models.cross_entropy import CrossEntropyRecommender
from recbole_hail.networks.hypergraph import Hypergraph, PeriodStates
from recbole_hail.networks.hyperrec import HyperRecNetworks, PositionPeriods


class HyperRec(CrossEntropyRecommender):
    """Next-item recommendation with sequential hypergraphs (Wang et al., SIGIR 2020).

    What is known of period n comes from the training events of periods before n. The element after a history is asked
    about in the period after the last; in training, in its own.
    """

    own_network = "causal"
    own_checks = (
        ("periods", *checks.at_least(1)),
        ("period_by", *checks.one_of(WAYS)),
        ("convolutions", *checks.at_least(1)),
    )

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.history_fields.append(CONTEXT_END)

    def build_networks(self, config, dataset, **common) -> HyperRecNetworks:
        self.periods = config["periods"]
        cut = cut_periods(dataset, periods=self.periods, by=config["period_by"])
        self.register_buffer("event_period", cut.period, persistent=False)  # [events]
        self.register_buffer("event_intent", cut.hyperedge_before, persistent=False)  # [events]
        of_what = {"position": "of each generator's training sequence", "time": "of the time of training"}
        self.logger.info(
            f"periods: {self.periods} equal shares {of_what[config['period_by']]}; "
            f"{len(cut.period_of_hyperedge)} hyperedges join {len(cut.element)} elements"
        )
        hypergraphs = _hypergraphs(cut, periods=self.periods, elements=self.n_items - 1)
        return HyperRecNetworks(hypergraphs=hypergraphs, convolutions=config["convolutions"], **common)

    def loss_parts(self, interaction) -> LossParts:
        sequences, positions = interaction[self.ITEM_SEQ], interaction[TARGET_POSITION]
        # The target is the event after its position.
        periods = self._periods(interaction, sequences.shape[1], shift=1).period.flatten()[positions]  # [M]
        order, counts = periods.argsort(stable=True), torch.bincount(periods, minlength=self.periods + 1).tolist()
        period_states = self.networks.period_states()
        hidden = self._hidden_at(interaction, positions[order], period_states)  # [T, M, d]
        targets = interaction[TARGET_ELEMENT][order] - 1  # row k of a table is element k + 1
        by_period = zip(
            hidden.split(counts, dim=1), self.networks.tables(period_states), targets.split(counts), counts, strict=True
        )
        shares = [
            [
                part * (count / len(targets))
                for part in fused_hail_loss_parts(of, table, self.networks.head.bias, wanted, distillation="none")
            ]
            for of, table, wanted, count in by_period
            if count
        ]
        return LossParts(*(sum(parts) for parts in zip(*shares, strict=True)))

    def hidden_at_targets(self, interaction) -> Tensor:
        return self._hidden_at(interaction, interaction[TARGET_POSITION], self.networks.period_states())

    def _hidden_at(self, interaction, positions: Tensor, period_states: PeriodStates) -> Tensor:
        """[T, M, d] at positions [M] of the flattened B · L."""
        sequences = interaction[self.ITEM_SEQ]
        periods = self._periods(interaction, sequences.shape[1])
        return self.networks(sequences, positions, period_states=period_states, periods=periods)

    def _periods(self, interaction, width: int, shift: int = 0) -> PositionPeriods:
        """Of the events at, or `shift` after, the first `width` places of each history."""
        first = interaction[CONTEXT_END] - interaction[self.ITEM_SEQ_LEN]  # [B]
        event = first[:, None] + shift + torch.arange(width, device=first.device)
        event = event.clamp(max=len(self.event_period) - 1)  # padding of the last generator
        return PositionPeriods(self.event_period[event], self.event_intent[event])

    def encode_rows(self, interaction) -> Tensor:
        sequences, lengths = interaction[self.ITEM_SEQ], interaction[self.ITEM_SEQ_LEN]
        if CONTEXT_END not in interaction:  # rows made by hand
            return self.encode(sequences, lengths)
        return self._encode(sequences, lengths, self._periods(interaction, int(lengths.max())))

    def encode(self, sequences: Tensor, lengths: Tensor) -> Tensor:
        """As in the base class, for histories that are not the dataset's: cut by position, and without intents."""
        sequences, lengths = self.make_room(sequences, lengths, 0)
        column = torch.arange(int(lengths.max()), device=lengths.device)
        period = torch.div(column * self.periods, lengths[:, None], rounding_mode="floor").clamp(max=self.periods)
        return self._encode(sequences, lengths, PositionPeriods(period, torch.zeros_like(period)))

    def _encode(self, sequences: Tensor, lengths: Tensor, periods: PositionPeriods) -> Tensor:
        """[views, B, d]; the periods are as wide as the longest history."""
        longest = periods.period.shape[1]
        positions = torch.arange(len(lengths), device=lengths.device) * longest + lengths - 1
        hidden = self.networks(
            sequences[:, :longest], positions, period_states=self.networks.period_states(), periods=periods, most=1
        )  # [T, B, d]
        return self.with_mean(hidden)


def _hypergraphs(cut: Periods, *, periods: int, elements: int) -> list[Hypergraph]:
    """One for each period; its hyperedges are numbered from 0."""
    count = torch.bincount(cut.period_of_hyperedge, minlength=periods)
    first = count.cumsum(0) - count
    period = cut.period_of_hyperedge[cut.hyperedge]  # [K]
    return [
        Hypergraph(
            cut.element[period == n] - 1, cut.hyperedge[period == n] - first[n], nodes=elements, edges=int(count[n])
        )
        for n in range(periods)
    ]
