"""Elements that a sequence does not have, of which RecBole's masked sequences draw one for each mask."""

from functools import wraps

from recbole.data.transform import MaskItemSequence

from recbole_hail.errors import DataError


def patch() -> None:
    MaskItemSequence._neg_sample = _with_an_end(MaskItemSequence._neg_sample)


def _with_an_end(original):
    """RecBole draws until it finds one, which it never does where a sequence has had every element."""

    @wraps(original)
    def draw(self, item_set, n_items):
        if len(item_set) < n_items - 1 or len({*item_set} - {0}) < n_items - 1:
            return original(self, item_set, n_items)
        if self.config["loss_type"] == "CE":  # which has no use for it
            return 1
        raise DataError(
            f"dataset: a sequence has had all {n_items - 1} elements, so {self.config['model']} cannot draw one that "
            "it has not; give --loss_type=CE, which needs none"
        )

    return draw
