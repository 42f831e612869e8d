"""Informer as a RecBole model: a sparse encoder of the history and a decoder that fills placeholders after it."""

from torch import Tensor

from recbole_hail import checks
from recbole_hail.models.cross_entropy import CrossEntropyRecommender


class Informer(CrossEntropyRecommender):
    """Informer (Zhou et al., AAAI 2021), trained on histories cut from the sequences (see `CutLoader`).

    The next element is what the first of `predicted_elements` placeholders gets.
    """

    own_network = "informer"
    network_checks = (
        ("predicted_elements", *checks.at_least(1)),
        ("start_length", *checks.at_least(1)),
        ("sampling_factor", *checks.positive),
        ("distil", *checks.switch),
        ("decoder_layers", *checks.at_least(1)),
    )
    learns = ("following",)

    def __init__(self, config, dataset):
        super().__init__(config, dataset)
        self.placeholders = config["predicted_elements"]

    @classmethod
    def complete_settings(cls, config) -> list[str]:
        """Also that the placeholders leave room for a history."""
        found = super().complete_settings(config)
        placeholders, longest = config["predicted_elements"], config["MAX_ITEM_LIST_LENGTH"]
        if all(checks.whole(1)(value) for value in (placeholders, longest)) and placeholders >= longest:
            found.append(
                f"predicted_elements: {placeholders} must be less than MAX_ITEM_LIST_LENGTH: {longest}, which holds "
                "the history too"
            )
        return found

    @property
    def longest_history(self) -> int:
        """Placeholders take places too."""
        return self.max_seq_length - self.placeholders

    def ask(self, sequences: Tensor, lengths: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Placeholders after each history; the first answers. As many as in training, for all share the decoder."""
        sequences, kept = self.make_room(sequences, lengths, self.placeholders)
        return sequences, kept + self.placeholders, kept
