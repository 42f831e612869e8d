"""Deep mutual learning as a RecBole model."""

import pytest
import torch
from recbole.config import Config
from torch.nn import functional as F

from recbole_hail.errors import SettingsError


def test_the_loss_is_cross_entropy_and_imitation_in_equal_parts(cyclic, small, prepared):
    dml, (train, _, _) = prepared("DML", "cyclic", **{**small, "initializer_range": 0.5})
    batch = next(iter(train))
    parts = dml.loss_parts(batch)
    logits = dml.networks.logits(dml.hidden_at_targets(batch))
    log_p = logits.log_softmax(-1)
    own = torch.stack([F.cross_entropy(of_peer, batch["target_element"] - 1) for of_peer in logits])
    imitation = torch.stack(
        [F.kl_div(log_p[peer], log_p[1 - peer], log_target=True, reduction="batchmean") for peer in (0, 1)]
    )
    torch.testing.assert_close(parts.positive, imitation)
    torch.testing.assert_close(parts.total, 0.5 * (own + imitation).sum())


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"distillation": "med"}, "distillation: 'med' must be mimicry for DML"),
        ({"peers": 1}, "peers: 1 has nobody to imitate"),
        ({"negative_term": False}, "negative_term: False is of mutual exclusivity"),
    ],
)
def test_what_mimicry_leaves_no_choice_in_is_named(workplace, settings, message):
    with pytest.raises(SettingsError, match=message):
        Config(model="DML", dataset="ml-100k", config_dict=settings)
