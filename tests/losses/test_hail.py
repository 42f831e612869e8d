import pytest
import torch

from recbole_hail.losses import (
    denoising_mask,
    hail_loss,
    hail_loss_parts,
    mimicry_loss,
    mutual_exclusivity_loss,
    self_knowledge_loss,
)


def noisy_logits(made_logits, peers=2):
    """Eight positions, of which the peers agree that 2 and 5 are hardest."""
    logits, targets = made_logits(peers, positions=8)
    for position in (2, 5):
        logits[:, position, targets[position]] -= 20
    return logits, targets


@pytest.mark.parametrize("denoise", ["paper", "authors"])
@pytest.mark.parametrize(
    ("peers", "gamma", "alpha", "beta"), [(2, 1.0, 0.3, 0.25), (3, 2.0, 0.8, 0.4), (4, 1.0, 0.5, 0)]
)
def test_equals_equations_9_and_10_in_value_and_gradient(
    reference, made_logits, gradient, peers, gamma, alpha, beta, denoise
):
    logits, targets = noisy_logits(made_logits, peers)
    settings = {"alpha": alpha, "beta": beta, "gamma": gamma}
    authors = denoise == "authors"
    torch.testing.assert_close(
        hail_loss(logits, targets, denoise=denoise, **settings),
        reference.total(logits, targets, authors=authors, **settings),
    )
    torch.testing.assert_close(
        gradient(lambda z: hail_loss(z, targets, denoise=denoise, **settings), logits),
        gradient(lambda z: reference.total(z, targets, authors=authors, **settings), logits),
    )


@pytest.mark.parametrize(
    ("variant", "switches", "beta"),
    [
        ("I", {"positive_term": False}, 0.25),
        ("II", {"negative_term": False}, 0.25),
        ("III", {"positive_term": False, "negative_term": False}, 0.25),
        ("IV", {}, 0.0),
    ],
)
def test_variants_of_the_ablation(reference, made_logits, variant, switches, beta):
    logits, targets = noisy_logits(made_logits)
    found = hail_loss(logits, targets, alpha=0.4, beta=beta, **switches)
    torch.testing.assert_close(found, reference.total(logits, targets, alpha=0.4, beta=beta, **switches))
    assert (found - hail_loss(logits, targets, alpha=0.4, beta=0.25)).abs() > 1e-3


def test_variant_iii_is_the_scaled_cross_entropy(made_logits):
    logits, targets = made_logits(2)
    found = hail_loss(logits, targets, alpha=0.4, positive_term=False, negative_term=False)
    torch.testing.assert_close(found, 0.4 * self_knowledge_loss(logits, targets).mean(1).sum())


def test_alpha_1_is_cross_entropy_and_alpha_0_mutual_exclusivity(made_logits):
    logits, targets = made_logits(3)
    own = self_knowledge_loss(logits, targets).mean(1).sum()
    distilled = sum(mutual_exclusivity_loss(logits, targets)).mean(1).sum()
    torch.testing.assert_close(hail_loss(logits, targets, alpha=1.0), own)
    torch.testing.assert_close(hail_loss(logits, targets, alpha=0.0), distilled)
    torch.testing.assert_close(hail_loss(logits, targets), 0.5 * own + 0.5 * distilled)  # the default is 0.5


def test_the_paper_drops_noise_from_distillation_only_and_the_authors_from_everything(made_logits):
    logits, targets = noisy_logits(made_logits)
    own = self_knowledge_loss(logits, targets)
    positive, negative = mutual_exclusivity_loss(logits, targets)
    keep = torch.tensor([i not in (2, 5) for i in range(8)])
    for denoise, of_own in (("paper", own), ("authors", own * keep)):
        parts = hail_loss_parts(logits, targets, alpha=0.3, beta=0.25, denoise=denoise)
        torch.testing.assert_close(parts.self_knowledge, of_own.sum(1) / 8)
        torch.testing.assert_close(parts.positive, (positive * keep).sum(1) / 8)
        torch.testing.assert_close(parts.negative, (negative * keep).sum(1) / 8)
        torch.testing.assert_close(parts.dropped.item(), 0.25)
        expected = (0.3 * of_own + 0.7 * (positive + negative) * keep).sum() / 8
        torch.testing.assert_close(parts.total, expected)


def test_noise_sends_no_gradient_where_it_is_dropped(made_logits, gradient):
    logits, targets = noisy_logits(made_logits)
    authors = gradient(lambda z: hail_loss(z, targets, beta=0.25, denoise="authors"), logits)
    paper = gradient(lambda z: hail_loss(z, targets, alpha=0.0, beta=0.25, denoise="paper"), logits)
    for found in (authors, paper):
        assert found[:, [2, 5]].eq(0).all()
        assert found[:, [0, 1, 3, 4, 6, 7]].ne(0).any(-1).all()


def test_slots_reach_the_denoising(made_logits):
    logits, targets = noisy_logits(made_logits)
    keep = denoising_mask(self_knowledge_loss(logits, targets), 0.02, slots=100)
    assert 1 <= (~keep).sum() <= 2
    assert hail_loss_parts(logits, targets, beta=0.02).dropped == 0
    assert hail_loss_parts(logits, targets, beta=0.02, slots=100).dropped == (~keep).sum() / 8


@pytest.mark.parametrize("alpha", [0.0, 0.3, 1.0])
def test_without_distillation_it_is_the_plain_cross_entropy_whatever_alpha_is(made_logits, alpha):
    logits, targets = made_logits(2)
    parts = hail_loss_parts(logits, targets, alpha=alpha, beta=0.5, distillation="none", denoise="authors")
    torch.testing.assert_close(parts.total, self_knowledge_loss(logits, targets).mean(1).sum())
    assert parts.positive.eq(0).all()
    assert parts.negative.eq(0).all()
    assert parts.dropped == 0


@pytest.mark.parametrize("distillation", ["med", "mimicry", "none"])
def test_one_peer_is_trained_with_the_plain_cross_entropy(made_logits, gradient, distillation):
    logits, targets = made_logits(1)
    expected = torch.nn.functional.cross_entropy(logits[0], targets)
    torch.testing.assert_close(hail_loss(logits, targets, alpha=0.2, distillation=distillation), expected)
    torch.testing.assert_close(
        gradient(lambda z: hail_loss(z, targets, alpha=0.2, distillation=distillation), logits),
        gradient(lambda z: torch.nn.functional.cross_entropy(z[0], targets), logits),
    )


def test_mimicry_takes_the_place_of_mutual_exclusivity(made_logits):
    logits, targets = noisy_logits(made_logits, 3)
    keep = denoising_mask(self_knowledge_loss(logits, targets), 0.25)
    assert not keep.all()
    parts = hail_loss_parts(logits, targets, alpha=0.3, beta=0.25, distillation="mimicry")
    imitation = (mimicry_loss(logits, targets) * keep).sum(1) / 8
    torch.testing.assert_close(parts.positive, imitation)
    assert parts.negative.eq(0).all()
    own = self_knowledge_loss(logits, targets).mean(1)
    torch.testing.assert_close(parts.total, (0.3 * own + 0.7 * imitation).sum())


def test_the_parts_add_up_and_only_the_total_carries_a_gradient(made_logits):
    logits, targets = noisy_logits(made_logits, 3)
    parts = hail_loss_parts(logits.requires_grad_(), targets, alpha=0.3, beta=0.25)
    expected = (0.3 * parts.self_knowledge + 0.7 * (parts.positive + parts.negative)).sum()
    torch.testing.assert_close(parts.total.detach(), expected)
    assert [part.requires_grad for part in parts] == [True, False, False, False, False]
    assert [tuple(part.shape) for part in parts] == [(), (3,), (3,), (3,), ()]


@pytest.mark.parametrize("distillation", ["med", "mimicry", "none"])
@pytest.mark.parametrize("denoise", ["paper", "authors"])
@pytest.mark.parametrize("peers", [1, 2, 3])
def test_an_empty_batch_gives_0_with_a_finite_gradient(peers, denoise, distillation):
    logits = torch.zeros(peers, 0, 5, requires_grad=True)
    weight = torch.ones(5, requires_grad=True)
    targets = torch.zeros(0, dtype=torch.long)
    parts = hail_loss_parts(logits * weight, targets, beta=0.5, denoise=denoise, distillation=distillation)
    assert parts.total == 0
    assert parts.dropped == 0
    parts.total.backward()
    assert weight.grad.eq(0).all()


@pytest.mark.parametrize("distillation", ["med", "mimicry", "none"])
@pytest.mark.parametrize("alpha", [0.0, 0.5, 1.0])
def test_finite_for_extreme_logits(extreme_logits, gradient, alpha, distillation):
    logits, targets = extreme_logits
    settings = {"alpha": alpha, "beta": 0.25, "distillation": distillation}
    assert hail_loss(logits, targets, **settings).isfinite()
    assert gradient(lambda z: hail_loss(z, targets, **settings), logits).isfinite().all()


def test_half_precision_logits_give_a_float32_loss(made_logits):
    logits, targets = made_logits(2)
    half = logits.bfloat16()
    loss = hail_loss(half, targets, beta=0.25)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, hail_loss(half.float(), targets, beta=0.25))


@pytest.mark.parametrize(
    ("setting", "value", "message"),
    [
        ("alpha", -0.1, r"alpha: -0.1 must lie in \[0, 1\]"),
        ("alpha", 1.1, r"alpha: 1.1 must lie in \[0, 1\]"),
        ("beta", 1.0, r"beta: 1.0 must lie in \[0, 1\)"),
        ("beta", -0.1, r"beta: -0.1 must lie in \[0, 1\)"),
        ("denoise", "none", "denoise: 'none' must be one of paper, authors"),
        ("distillation", "kl", "distillation: 'kl' must be one of med, mimicry, none"),
    ],
)
def test_wrong_settings_are_named_with_their_value(made_logits, setting, value, message):
    with pytest.raises(ValueError, match=message):
        hail_loss(*made_logits(2), **{setting: value})


@pytest.mark.parametrize("settings", [{"distillation": "none"}, {}])
def test_a_wrong_beta_is_named_also_where_nothing_is_distilled(made_logits, settings):
    peers = 2 if settings else 1
    with pytest.raises(ValueError, match=r"beta: 1.5 must lie in \[0, 1\)"):
        hail_loss(*made_logits(peers), beta=1.5, **settings)


def test_a_negative_gamma_is_named(made_logits):
    with pytest.raises(ValueError, match=r"gamma: -1\.0 must not be negative"):
        hail_loss(*made_logits(2), gamma=-1.0)


@pytest.mark.parametrize("loss", [hail_loss_parts, self_knowledge_loss, mutual_exclusivity_loss])
def test_a_target_that_is_no_element_is_told_with_what_to_do(made_logits, loss):
    """torch's -100 for a position to pass over was an index out of bounds for dimension 2."""
    logits, _ = made_logits(2, positions=3, elements=5)
    with pytest.raises(IndexError, match="targets: from -100 to 4, but there are elements 0 to 4; positions without"):
        loss(logits, torch.tensor([4, -100, 0]))
