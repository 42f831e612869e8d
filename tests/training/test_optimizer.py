import pytest
import torch

from recbole_hail.networks import PeerNetworks, Sizes
from recbole_hail.training.optimizer import FEW, build_optimizer, threads_of_step

CONFIG = {"learner": "adamw", "learning_rate": 0.1, "weight_decay": 0.5}


@pytest.fixture
def networks():
    torch.manual_seed(0)
    return PeerNetworks(["bidirectional", "gru"], Sizes(positions=4, hidden_size=8, inner_size=8), elements=5)


def test_only_weight_matrices_decay(networks):
    with torch.no_grad():
        for parameter in networks.parameters():
            parameter.fill_(1.0)
            parameter.grad = torch.zeros_like(parameter)
    build_optimizer(networks, CONFIG).step()  # with no gradient only the decay moves a weight, by lr · decay
    for name, parameter in networks.named_parameters():
        is_vector = "bias" in name or "norm" in name
        expected = 1.0 if is_vector else 1.0 - 0.1 * 0.5
        torch.testing.assert_close(parameter.detach(), torch.full_like(parameter, expected), msg=name)


def test_every_parameter_is_trained_once(networks):
    optimizer = build_optimizer(networks, CONFIG)
    trained = [id(parameter) for group in optimizer.param_groups for parameter in group["params"]]
    assert sorted(trained) == sorted(id(parameter) for parameter in networks.parameters())


@pytest.mark.parametrize("learner", ["adam", "adamw", "AdamW"])
def test_adam_as_in_the_authors_program(networks, learner):
    optimizer = build_optimizer(networks, {**CONFIG, "learner": learner})
    assert isinstance(optimizer, torch.optim.AdamW)
    for group in optimizer.param_groups:
        assert (group["lr"], group["betas"], group["eps"]) == (0.1, (0.9, 0.999), 1e-6)


def test_the_decay_is_decoupled_from_the_gradient():
    layer = torch.nn.Linear(1, 1, bias=False)
    torch.nn.init.constant_(layer.weight, 2.0)
    layer.weight.grad = torch.full_like(layer.weight, 100.0)
    build_optimizer(layer, CONFIG).step()
    # The first step of Adam is lr · sign(gradient); the decay is taken of the weight beside it.
    torch.testing.assert_close(layer.weight.item(), 2.0 * (1 - 0.1 * 0.5) - 0.1)


@pytest.mark.parametrize("learner", ["sgd", "adagrad", "rmsprop"])
def test_other_learners_are_left_to_recbole(networks, learner):
    assert build_optimizer(networks, {**CONFIG, "learner": learner}) is None


@pytest.mark.parametrize(("weights", "expected"), [(FEW, 1), (FEW + 1, 3)])
def test_few_weights_are_one_threads_work(threads, weights, expected):
    threads(3)
    optimizer = torch.optim.SGD([torch.zeros(FEW - 2), torch.zeros(weights - FEW + 2)])
    with threads_of_step(optimizer):
        assert torch.get_num_threads() == expected
    assert torch.get_num_threads() == 3


def test_threads_are_given_back_where_a_step_fails(threads):
    threads(2)
    with pytest.raises(ZeroDivisionError), threads_of_step(torch.optim.SGD([torch.zeros(1)])):
        raise ZeroDivisionError
    assert torch.get_num_threads() == 2
