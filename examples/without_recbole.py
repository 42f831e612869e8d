"""The networks and the loss in a training loop of your own; torch is all they need.

Where RecBole is installed, importing them registers the plugin too.

    python examples/without_recbole.py

Elements follow one another in a circle, with one in five replaced at random: interactions that cannot be learnt.
"""

import argparse

import torch

from recbole_hail.losses import fused_hail_loss_parts
from recbole_hail.networks import PeerNetworks, Sizes

ELEMENTS, LENGTH, SEQUENCES = 20, 30, 64


def circle(generator: torch.Generator) -> torch.Tensor:
    """[SEQUENCES, LENGTH] elements 1 to ELEMENTS."""
    start = torch.randint(ELEMENTS, (SEQUENCES, 1), generator=generator)
    sequences = (start + torch.arange(LENGTH)) % ELEMENTS
    noise = torch.randint(ELEMENTS, sequences.shape, generator=generator)
    return 1 + torch.where(torch.rand(sequences.shape, generator=generator) < 0.2, noise, sequences)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--steps", type=int, default=150)
    steps = parser.parse_args().steps
    torch.manual_seed(0)
    generator = torch.Generator().manual_seed(0)
    sizes = Sizes(positions=LENGTH, hidden_size=32, inner_size=64, layers=1)
    networks = PeerNetworks(["causal", "causal"], sizes, elements=ELEMENTS)
    optimizer = torch.optim.AdamW(networks.parameters(), lr=0.01)
    positions = torch.arange(SEQUENCES * LENGTH).view(SEQUENCES, LENGTH)[:, :-1].flatten()
    for step in range(steps):
        sequences = circle(generator)
        hidden = networks(sequences, positions)  # [T, M, d]
        targets = sequences[:, 1:].flatten() - 1  # row k of the table is element k + 1
        table, bias = networks.embedding.predictable, networks.head.bias
        parts = fused_hail_loss_parts(hidden, table, bias, targets, alpha=0.5, beta=0.01)
        optimizer.zero_grad()
        parts.total.backward()
        optimizer.step()
        if step % 25 == 0 or step == steps - 1:
            print(f"step {step}: loss {parts.total.item():.3f}, self-knowledge {parts.self_knowledge.tolist()}")
    networks.eval()
    sequences = circle(generator)
    logits = networks.logits(networks(sequences, positions)).mean(0)  # the mean of the peers, [M, ELEMENTS]
    right = (logits.argmax(-1) == sequences[:, 1:].flatten() - 1).float().mean()
    print(f"right: {right:.0%} of the next elements; {0.8 * 0.8:.0%} follow from the one before")


if __name__ == "__main__":
    main()
