import torch
from torch.nn import functional as F

from recbole_hail.networks import Sizes
from recbole_hail.networks.embedding import InteractionEmbedding


def embedding(dropout=0.0):
    torch.manual_seed(0)
    return InteractionEmbedding(Sizes(positions=4, hidden_size=6, hidden_dropout=dropout), elements=5)


def test_sums_element_and_position_and_normalises():
    layer = embedding()
    sequences = torch.tensor([[3, 6, 3], [1, 2, 0]])
    found = layer(sequences)
    assert found.shape == (2, 3, 6)
    for row in range(2):
        for place in range(3):
            total = layer.element.weight[sequences[row, place]] + layer.position.weight[place]
            torch.testing.assert_close(found[row, place], F.layer_norm(total, (6,), eps=1e-12))
    assert not torch.equal(found[0, 0], found[0, 2])  # the same element at another position


def test_the_table_holds_padding_elements_and_mask_and_only_elements_can_be_predicted():
    layer = embedding()
    assert layer.element.weight.shape == (7, 6)
    assert torch.equal(layer.predictable, layer.element.weight[1:6])


def test_padding_learns_nothing():
    layer = embedding()
    layer(torch.tensor([[1, 0, 0]])).square().sum().backward()
    assert layer.element.weight.grad[0].eq(0).all()
    assert layer.element.weight[0].eq(0).all()


def test_dropout_only_in_training():
    layer = embedding(dropout=0.5)
    sequences = torch.tensor([[1, 2, 3]])
    assert layer(sequences).eq(0).any()
    assert not torch.equal(layer(sequences), layer(sequences))
    layer.eval()
    assert torch.equal(layer(sequences), layer(sequences))
