import pytest
import torch

from recbole_hail.networks import attention
from recbole_hail.networks.attention import attend

WAYS = [0, 1000]  # the longest sequences for which attention is written out: none, all


def slow_attention(query, key, value, looks_at):
    """Eq. 1 by a loop over sequences, heads and queries; `looks_at(b, i)` lists the keys of a query."""
    mixed = []
    for b in range(query.shape[0]):
        for head in range(query.shape[1]):
            for i in range(query.shape[2]):
                keys = looks_at(b, i)
                scores = torch.stack([query[b, head, i] @ key[b, head, j] for j in keys]) / query.shape[3] ** 0.5
                mixed.append((scores.softmax(0)[:, None] * value[b, head, keys]).sum(0))
    return torch.stack(mixed).view(query.shape)


def draw(*shapes):
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(shape, generator=generator, dtype=torch.float64, requires_grad=True) for shape in shapes]


@pytest.mark.parametrize("written_out_to", WAYS)
@pytest.mark.parametrize("case", ["all", "padding", "causal", "own mask"])
def test_every_way_gives_the_values_and_gradients_of_a_slow_one(monkeypatch, written_out_to, case):
    monkeypatch.setattr(attention, "SHORT", written_out_to)
    asked = 3 if case == "own mask" else 5
    tensors = draw((2, 2, asked, 3), (2, 2, 5, 3), (2, 2, 5, 3))
    lengths, columns = [5, 2], [[4, 0, 2], [1, 1, 3]]
    visible = {
        "padding": (torch.arange(5) < torch.tensor(lengths)[:, None])[:, None, None],
        "own mask": (torch.arange(5) <= torch.tensor(columns)[..., None])[:, None],
    }.get(case)
    looks_at = {
        "all": lambda b, i: list(range(5)),
        "padding": lambda b, i: list(range(lengths[b])),
        "causal": lambda b, i: list(range(i + 1)),
        "own mask": lambda b, i: list(range(columns[b][i] + 1)),
    }[case]
    found = attend(*tensors, visible=visible, causal=case == "causal")
    expected = slow_attention(*tensors, looks_at)
    torch.testing.assert_close(found, expected)
    weights = torch.linspace(-1, 1, expected.numel()).double().view(expected.shape)
    for ours, slow in zip(
        torch.autograd.grad((found * weights).sum(), tensors),
        torch.autograd.grad((expected * weights).sum(), tensors),
        strict=True,
    ):
        torch.testing.assert_close(ours, slow)


def test_dropout_falls_on_the_weights():
    """With one-hot values the result is the weights themselves: dropped, or scaled by 1 / (1 - p)."""
    torch.manual_seed(0)
    query, key = torch.randn(4, 2, 6, 3), torch.randn(4, 2, 6, 3)
    value = torch.eye(6).expand(4, 2, 6, 6)
    weights = (query @ key.transpose(2, 3) / 3**0.5).softmax(-1)
    value_heads = [attend(query, key, value[..., i : i + 3], dropout=0.25) for i in (0, 3)]
    for half, found in zip((weights[..., :3], weights[..., 3:]), value_heads, strict=True):
        dropped = found == 0
        assert 0.1 < dropped.float().mean() < 0.4
        torch.testing.assert_close(found[~dropped], half[~dropped] / 0.75)
