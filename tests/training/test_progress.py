import pytest
import torch

from recbole_hail.errors import TrainingDiverged
from recbole_hail.losses import LossParts
from recbole_hail.training.progress import READ_EVERY, LossLog


def parts(own=(1.0, 2.0), positive=(3.0, 4.0), negative=(5.0, 6.0), *, dropped=0.25, total=10.0):
    return LossParts(
        torch.tensor(total, requires_grad=True),
        torch.tensor(own),
        torch.tensor(positive),
        torch.tensor(negative),
        torch.tensor(dropped),
    )


def test_means_are_those_of_the_epochs_steps():
    log = LossLog(2)
    log.add(parts())
    log.add(parts(own=(3.0, 8.0), negative=(5.0, 0.0), dropped=0.75, total=20.0))
    log.read()
    assert log.means() == {
        "peer 1/self-knowledge": 2.0,
        "peer 1/positive": 3.0,
        "peer 1/negative": 5.0,
        "peer 2/self-knowledge": 5.0,
        "peer 2/positive": 4.0,
        "peer 2/negative": 3.0,
        "dropped": 0.5,
    }
    assert log.total == 30.0
    assert not log.sums.requires_grad, "no graph of a step is kept"


@pytest.mark.parametrize("steps", [1, READ_EVERY - 1, READ_EVERY, READ_EVERY + 1, 3 * READ_EVERY + 7])
def test_every_step_counts_once_however_often_the_parts_are_read(steps):
    log = LossLog(2)
    for step in range(steps):
        log.add(parts(own=(float(step), 0.0), total=float(step)))
    log.read()
    log.read()
    assert log.means()["peer 1/self-knowledge"] == pytest.approx((steps - 1) / 2)
    assert log.total == pytest.approx(steps * (steps - 1) / 2)


def test_a_new_epoch_starts_from_nothing():
    log = LossLog(2)
    log.add(parts(total=99.0))
    log.start(1)
    log.add(parts(total=7.0))
    log.read()
    assert log.total == 7.0
    assert log.steps == 1


def test_an_epoch_without_steps_has_zero_means():
    log = LossLog(1)
    assert log.means() == {"peer 1/self-knowledge": 0.0, "peer 1/positive": 0.0, "peer 1/negative": 0.0, "dropped": 0.0}


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
def test_the_first_step_that_is_not_finite_is_named_with_its_peer_and_parts(bad):
    log = LossLog(2)
    log.start(100)
    log.add(parts())
    log.add(parts(own=(1.0, bad), negative=(5.0, 6.5), total=bad))
    log.add(parts(own=(bad, bad), total=bad))
    with pytest.raises(TrainingDiverged) as error:
        log.read()
    message = str(error.value)
    assert f"not finite at step 102: peer 2 (self-knowledge {bad:.4g}, positive 4, negative 6.5)" in message
    assert "peer 1" not in message


def test_every_peer_that_is_not_finite_is_named():
    log = LossLog(2)
    log.add(parts(own=(float("nan"), 2.0), positive=(3.0, float("inf")), total=float("nan")))
    with pytest.raises(TrainingDiverged, match=r"step 1: peer 1 \(.*\); peer 2 \(.*positive inf"):
        log.read()


def test_steps_are_counted_on_over_what_was_read_before():
    log = LossLog(2)
    log.start(40)
    for _ in range(READ_EVERY + 3):
        log.add(parts())
    log.add(parts(own=(float("nan"), 2.0), total=float("nan")))
    with pytest.raises(TrainingDiverged, match=f"step {40 + READ_EVERY + 4}: peer 1"):
        log.read()


def test_a_total_that_overflows_is_named_where_every_part_is_finite():
    log = LossLog(2)
    log.add(parts(total=float("inf")))
    with pytest.raises(TrainingDiverged, match="step 1: total inf"):
        log.read()


def test_divergence_is_noticed_without_asking_after_some_steps():
    log = LossLog(2)
    with pytest.raises(TrainingDiverged, match="step 1:"):
        for _ in range(READ_EVERY):
            log.add(parts(total=float("nan")))


def test_half_precision_parts_are_summed_in_full():
    log = LossLog(2)
    single = parts(total=10.0625)  # 20 of them are 201.25, which half precision cannot hold
    half = LossParts(*(part.bfloat16() for part in single))
    for _ in range(300):
        log.add(half)
    log.read()
    assert log.total == 3018.75
