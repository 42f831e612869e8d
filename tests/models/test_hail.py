"""HAIL as a RecBole model: what it learns, and that scores mean the same whichever way they are asked for."""

import numpy as np
import pytest
import torch
from recbole.quick_start import load_data_and_model, run_recbole
from recbole.utils.case_study import full_sort_topk

from recbole_hail.losses import hail_loss_parts
from recbole_hail.models.hail import HAIL

FULL = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full"}
SAMPLED = {**FULL, "mode": "uni99"}


@pytest.fixture
def built(cyclic, small, prepared):
    return lambda **settings: prepared("HAIL", "cyclic", **{**small, **settings})


@pytest.mark.parametrize("base_network", ["bidirectional", "causal", "gru", "causal,gru"])
def test_learns_which_element_follows(workplace, write_dataset, small, base_network):
    sequences = {f"g{g}": [f"e{(5 * g + i) % 6}" for i in range(24)] for g in range(100)}
    write_dataset(workplace / "dataset", "circle", sequences)
    settings = {
        **small,
        "base_network": base_network,
        "epochs": 60,
        "eval_step": 60,
        "learning_rate": 0.005,
        "train_batch_tokens": 1000,
        "initializer_range": 0.1,  # the paper's 0.02 needs far more steps to leave uniform attention
        # Windows as long as the network's input train every position that prediction uses.
        "MAX_ITEM_LIST_LENGTH": 10,
        "eval_args": FULL,
        "topk": [1, 5],
        "valid_metric": "MRR@5",
    }
    result = run_recbole(model="HAIL", dataset="circle", config_dict=settings, saved=False)
    assert result["test_result"]["hit@1"] == 1.0


@pytest.mark.parametrize(
    "chosen",
    [
        {"alpha": 0.2},
        {"beta": 0.2},
        {"beta": 0.2, "denoise": "authors"},
        {"gamma": 2.0},
        {"positive_term": False},
        {"negative_term": False},
        {"distillation": "none"},
        {"distillation": "mimicry"},
    ],
    ids=str,
)
def test_settings_of_the_loss_reach_the_loss(built, chosen):
    """No test would have noticed variants of the loss, or a sweep of beta, that all trained alike."""
    model, (train, _, _) = built(**chosen, initializer_range=0.5)
    batch = next(iter(train))
    logits, targets = model.networks.logits(model.hidden_at_targets(batch)), batch["target_element"] - 1
    settings = {"beta": 0.0, **chosen}
    if "denoise" in chosen:
        settings["slots"] = model.slots_per_sequence * len(batch["item_id_list"])
    expected = hail_loss_parts(logits, targets, **settings)
    for found, wanted in zip(model.loss_parts(batch), expected, strict=True):
        torch.testing.assert_close(found, wanted)
    assert abs(expected.total - hail_loss_parts(logits, targets).total) > 1e-4


@pytest.mark.parametrize("base_network", ["bidirectional", "causal", "gru"])
def test_predict_agrees_with_full_sort_predict(built, base_network):
    model, (_, _, test) = built(base_network=base_network, eval_args=SAMPLED)
    interaction = next(iter(test))[0]
    everything = model.full_sort_predict(interaction)
    expected = everything.gather(1, interaction["item_id"][:, None]).squeeze(1)
    torch.testing.assert_close(model.predict(interaction), expected, rtol=0, atol=2e-6)
    assert torch.isneginf(everything[:, 0]).all()


def test_each_sequence_is_encoded_once(built, monkeypatch):
    model, (_, _, test) = built(eval_args=SAMPLED)
    interaction, *_ = next(iter(test))
    encoded = []
    encode = model.encode
    monkeypatch.setattr(model, "encode", lambda *args: encoded.append(len(args[0])) or encode(*args))
    model.predict(interaction)
    assert encoded == [len(interaction) // 100]


@pytest.mark.parametrize("base_network", ["bidirectional", "causal", "gru"])
def test_scores_do_not_depend_on_padding_or_batch_mates(built, base_network):
    model, _ = built(base_network=base_network)
    sequences = torch.zeros(3, 20, dtype=torch.long)
    lengths = torch.tensor([3, 20, 9])
    for row, length in enumerate(lengths):
        sequences[row, :length] = torch.randint(1, model.n_items, (int(length),))
    together = model.encode(sequences, lengths)
    for row, length in enumerate(lengths.tolist()):
        alone = model.encode(sequences[row : row + 1, :length], lengths[row : row + 1])
        torch.testing.assert_close(together[:, row], alone[:, 0], rtol=0, atol=1e-5)


def test_only_a_full_history_loses_its_oldest_element(built):
    """RecBole's BERT4Rec drops the first element of every test sequence to make room for the mask."""
    model, _ = built()
    short, full = torch.zeros(1, 20, dtype=torch.long), torch.arange(1, 21)[None]
    short[0, :3] = torch.tensor([5, 6, 7])
    masked, lengths = model._append_mask(torch.cat([short, full]), torch.tensor([3, 20]))
    assert masked[0].tolist() == [5, 6, 7, model.mask_token] + [0] * 16
    assert masked[1].tolist() == [*range(2, 21), model.mask_token]
    assert lengths.tolist() == [4, 20]


def test_mean_is_the_mean_of_the_peers_logits(built, predict_by_view):
    model, (_, _, test) = built(peers=3, eval_args=SAMPLED)
    assert model.views == ["peer 1", "peer 2", "peer 3", "mean"]
    by_view = predict_by_view(model, next(iter(test))[0])
    assert not torch.allclose(by_view[0], by_view[1])
    torch.testing.assert_close(by_view[3], by_view[:3].mean(0), rtol=0, atol=2e-6)


@pytest.mark.parametrize("choice, view", [("mean", 2), (1, 0), (2, 1)])
def test_predict_with_names_the_view(built, choice, view):
    model, (_, _, test) = built(predict_with=choice, eval_args=SAMPLED)
    interaction = next(iter(test))[0]
    assert model.view == view
    hidden = model.encode_rows(interaction)[view]
    expected = model.networks.candidate_logits(hidden, interaction["item_id"])
    torch.testing.assert_close(model.predict(interaction), expected, rtol=0, atol=2e-6)


def test_the_future_does_not_reach_a_score(built):
    """The rows that are scored hold nothing after their target: the test context is the history before it."""
    _, (_, valid, test) = built(eval_args=FULL)
    of_valid, of_test = (loader._dataset[np.arange(len(loader._dataset))] for loader in (valid, test))
    order_valid, order_test = of_valid["user_id"].argsort(), of_test["user_id"].argsort()
    last = of_test["item_id_list"][order_test].gather(1, of_test["item_length"][order_test][:, None] - 1).squeeze(1)
    assert torch.equal(last, of_valid["item_id"][order_valid])


def test_one_peer_says_that_nothing_is_distilled(built, caplog):
    with caplog.at_level("INFO"):
        model, _ = built(peers=1)
    assert "nothing to distil" in caplog.text
    assert model.views == ["peer 1"]


def test_authors_denoising_counts_every_slot(built, monkeypatch):
    model, (train, _, _) = built(denoise="authors", beta=0.1, max_masked=7, base_network="bidirectional")
    seen = {}
    monkeypatch.setattr("recbole_hail.models.windowed.fused_hail_loss_parts", lambda *args, **kw: seen.update(kw))
    batch = next(iter(train))
    model.loss_parts(batch)
    assert seen["slots"] == 7 * len(batch["item_id_list"])


def test_authors_denoising_of_networks_that_predict_every_next_element_counts_all_of_them(built, monkeypatch):
    """It counted the slots that only masked elements have, on CHI-18 a fifth of the positions of a window."""
    model, (train, _, _) = built(denoise="authors", max_masked=7, base_network="causal", MAX_ITEM_LIST_LENGTH=11)
    seen = {}
    monkeypatch.setattr("recbole_hail.models.windowed.fused_hail_loss_parts", lambda *args, **kw: seen.update(kw))
    batch = next(iter(train))
    model.loss_parts(batch)
    assert seen["slots"] == 11 * len(batch["item_id_list"])
    assert batch["item_id_list"].shape[1] <= 11


def test_recboles_case_study_works(cyclic, small):
    run_recbole(model="HAIL", dataset="cyclic", config_dict={**small, "epochs": 1, "eval_args": FULL})
    (checkpoint,) = cyclic.glob("saved/*.pth")
    config, model, dataset, _, _, test = load_data_and_model(str(checkpoint))
    users = dataset.token2id("user_id", ["g0", "g5"])
    scores, elements = full_sort_topk(users, model, test, k=5, device=config["device"])
    assert elements.shape == (2, 5) and (elements > 0).all() and scores.isfinite().all()


def test_alpha_goes_to_its_end_over_the_steps_that_training_takes(cyclic, small, monkeypatch):
    seen = []
    original = HAIL.fused_loss_parts

    def fused(self, batch, **settings):
        seen.append(settings["alpha"])
        return original(self, batch, **settings)

    monkeypatch.setattr(HAIL, "fused_loss_parts", fused)
    for end, expected in ((0.1, [0.9, 0.7, 0.5, 0.3, 0.1]), (None, [0.9] * 5)):
        seen.clear()
        settings = {**small, "alpha": 0.9, "alpha_end": end, "max_steps": 5, "eval_step": 0}
        run_recbole(model="HAIL", dataset="cyclic", config_dict=settings, saved=False)
        np.testing.assert_allclose(seen, expected)
