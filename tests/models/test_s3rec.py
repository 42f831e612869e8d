"""S³-Rec in one command: pre-training, its checkpoint, the change of stage, and exact resumption in both stages."""

import shutil
from types import SimpleNamespace

import pytest
import torch
from recbole.config import Config
from recbole.quick_start import run_recbole
from torch.nn import functional as F

from recbole_hail.errors import SettingsError, UserError
from recbole_hail.training.budget import Budget
from recbole_hail.training.checkpoints import read_checkpoint
from recbole_hail.training.two_stages import TwoStageTrainer


@pytest.fixture
def built(cyclic, small, prepared):
    """A model with random weights, and its loader, for the given settings."""

    def build(**settings):
        model, (train, _, _) = prepared("S3RecID", "cyclic", **{**small, "initializer_range": 0.5, **settings})
        return model, train

    return build


@pytest.fixture
def watched(monkeypatch):
    """(stage, learning rate, steps of the optimiser so far) of every step; `kill_at` interrupts before that step."""
    seen, step = [], TwoStageTrainer._step

    def watching(self, batch):
        if self.steps == watching.kill_at:
            raise KeyboardInterrupt
        of_weights = self.optimizer.state.get(self.model.networks.head.transform.weight, {})
        before = int(of_weights.get("step", 0))
        step(self, batch)
        seen.append(("segment" in batch, self.optimizer.param_groups[0]["lr"], before))

    watching.kill_at = None
    monkeypatch.setattr(TwoStageTrainer, "_step", watching)
    return seen, watching


def run(small, **settings):
    return run_recbole(model="S3RecID", dataset="cyclic", config_dict={**small, "epochs": 4, **settings})


def weights_of(folder, kind=""):
    (file,) = (path for path in folder.glob(f"saved/*{kind}.pth") if kind or path.name.count(".") == 1)
    return read_checkpoint(file)["state_dict"]


def test_both_losses_of_pretraining(built):
    model, train = built(mip_weight=2.0, sp_weight=3.0)
    train.set_pretraining(True)
    batch = next(iter(train))
    encoder, table = model.networks.peers[0], model.networks.embedding

    def encoded(sequences, lengths):
        visible = torch.arange(sequences.shape[1]) < lengths[:, None]
        return encoder(table(sequences), visible[:, None, None, :])

    for layer in encoder.layers:
        layer.attention.causal = False
    hidden = encoded(batch["item_id_list"], batch["item_length"]).flatten(0, 1)[batch["target_position"]]
    elements = F.cross_entropy(model.networks.logits(model.networks.head(hidden)), batch["target_element"] - 1)
    rows = torch.arange(len(batch["item_length"]))
    contexts = encoded(batch["segment_context"], batch["item_length"])[rows, batch["item_length"] - 1]
    segments = encoded(batch["segment"], batch["segment_length"])[rows, batch["segment_length"] - 1]
    stretches = F.cross_entropy(contexts @ model.segment_map.weight.t() @ segments.t(), rows)
    for layer in encoder.layers:
        layer.attention.causal = True
    assert len(rows) <= 256, "one group"
    parts = model.loss_parts(batch)
    torch.testing.assert_close(parts.self_knowledge, elements[None])
    torch.testing.assert_close(parts.positive, stretches[None])
    torch.testing.assert_close(parts.total, 2 * elements + 3 * stretches)


def test_both_losses_of_pretraining_fall(built):
    model, train = built(initializer_range=0.1, hidden_dropout_prob=0.0)
    train.set_pretraining(True)
    batch = next(iter(train))
    optimizer = torch.optim.Adam(model.train().parameters(), lr=0.01)
    start = model.loss_parts(batch)
    for _ in range(40):
        optimizer.zero_grad()
        model.loss_parts(batch).total.backward()
        optimizer.step()
    end = model.loss_parts(batch)
    assert end.self_knowledge < 0.5 * start.self_knowledge
    assert end.positive < 0.5 * start.positive


def test_the_network_looks_both_ways_only_in_pretraining(built):
    model, train = built()
    train.set_pretraining(True)
    model.loss_parts(next(iter(train)))
    sequences, positions = torch.arange(1, 13).view(2, 6), torch.tensor([0, 2, 6])
    before = model.networks(sequences, positions)
    sequences[:, 3:] += 20
    assert torch.equal(model.networks(sequences, positions), before)


@pytest.mark.parametrize(
    ("share", "epochs", "max_steps", "pretraining"),
    [
        (0.5, 4, None, 2),
        (0.75, 4, None, 3),
        (0.99, 4, None, 3),  # the last epoch is always fine-tuning
        (0.01, 4, None, 1),
        (0, 4, None, 0),
        (0.5, 1, None, 0),
        (0.5, 50, 8, 1),  # of 2.7 epochs
        (0.9, 50, 8, 2),
        (0.5, 2, 900, 1),  # there are no more epochs than two
    ],
)
def test_the_share_of_pretraining_in_whole_epochs(share, epochs, max_steps, pretraining):
    trainer = SimpleNamespace(
        config={"pretrain_share": share}, budget=Budget(max_steps, None), planned_steps=3 * epochs, steps_per_epoch=3
    )
    assert TwoStageTrainer.pretraining_steps.fget(trainer) == 3 * pretraining


def test_each_stage_has_an_optimiser_and_a_schedule_of_its_own(cyclic, small, watched):
    run(small, warmup_steps=2, learning_rate=0.01)
    stages, rates, before = zip(*watched[0], strict=True)
    assert stages == (True,) * 6 + (False,) * 6
    assert before == (*range(6), *range(6))
    assert rates[:6] == pytest.approx(rates[6:])
    assert rates[:6] == pytest.approx([0.01, 0.01, 0.008, 0.006, 0.004, 0.002])


def test_time_that_ends_in_pretraining_is_an_error(cyclic, small):
    """What it had pre-trained was validated, kept and compared as if it were fine-tuned."""
    with pytest.raises(UserError, match="max_minutes: 1e-05 ended in pre-training, within a pass over the data"):
        run_recbole(model="S3RecID", dataset="cyclic", config_dict={**small, "max_minutes": 1e-5})


def test_pretraining_is_not_validated_and_its_end_is_kept(cyclic, small, caplog):
    with caplog.at_level("INFO"):
        run(small)
    assert "Pre-training ends after 6 steps" in caplog.text
    assert caplog.text.count("valid result by view") == 2
    pretrained, best = weights_of(cyclic, "pretrained"), weights_of(cyclic)
    assert torch.equal(pretrained["segment_map.weight"], best["segment_map.weight"])  # has no part in fine-tuning
    assert not torch.equal(pretrained["networks.head.bias"], best["networks.head.bias"])


@pytest.mark.parametrize("kill_at", [4, 7, 10])
def test_a_killed_run_resumes_exactly_in_either_stage(cyclic, small, watched, kill_at):
    settings = {"hidden_dropout_prob": 0.2, "warmup_steps": 2, "schedule": "linear"}
    whole, expected = run(small, **settings), weights_of(cyclic)
    shutil.rmtree(cyclic / "saved")
    seen, watching = watched
    steps = list(seen)
    seen.clear()
    watching.kill_at = kill_at
    with pytest.raises(KeyboardInterrupt):
        run(small, **settings)
    assert seen == steps[:kill_at]
    seen.clear()
    watching.kill_at = None
    (latest,) = cyclic.glob("saved/*.latest.pth")
    resumed = run(small, **settings, resume=str(latest))
    assert seen == steps[kill_at - kill_at % 3 :]
    assert resumed["test_result"] == whole["test_result"]
    found = weights_of(cyclic)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_the_checkpoint_of_pretraining_can_be_continued_too(cyclic, small, watched):
    whole, expected = run(small), weights_of(cyclic)
    (pretrained,) = cyclic.glob("saved/*.pretrained.pth")
    steps = list(watched[0])
    watched[0].clear()
    again = run(small, resume=str(pretrained))
    assert watched[0] == steps[6:]
    assert again["test_result"] == whole["test_result"]
    found = weights_of(cyclic)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"pretrain_share": 1}, r"pretrain_share: 1 must lie in \[0, 1\)"),
        ({"mip_weight": -1}, "mip_weight: -1 must not be negative"),
        ({"sp_weight": "x"}, "sp_weight: 'x' must not be negative"),
        ({"peers": 2}, "peers: 2 must be 1 for S3RecID"),
        ({"base_network": "bidirectional"}, "base_network: 'bidirectional' must be causal for S3RecID"),
    ],
)
def test_wrong_settings_are_named(workplace, settings, message):
    with pytest.raises(SettingsError, match=message):
        Config(model="S3RecID", dataset="ml-100k", config_dict=settings)
