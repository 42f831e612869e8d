"""HyperRec as a RecBole model; what it shares with the others is in test_contract."""

import sys

import numpy as np
import pytest
import torch
from recbole.config import Config
from recbole.data.interaction import Interaction

from recbole_hail.cli import run_recbole
from recbole_hail.errors import SettingsError

FULL = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full"}


def world(**changed):
    """Five generators; the keyword arguments change single events, as in g2=(11, "e0")."""
    sequences = {f"g{g}": [f"e{(g + 2 * step) % 7}" for step in range(8 + 2 * g)] for g in range(5)}
    for generator, (rank, element) in changed.items():
        sequences[generator][rank] = element
    return sequences


@pytest.fixture
def build(workplace, write_dataset, small, prepared):
    def built(sequences=None, **settings):
        write_dataset(workplace / "dataset", "world", sequences or world())
        ours = {**small, "eval_args": FULL, "topk": [1, 5], "valid_metric": "MRR@5"}
        return prepared("HyperRec", "world", **{**ours, **settings})

    return built


def test_what_the_periods_are_is_in_the_log(build, caplog):
    with caplog.at_level("INFO"):
        build(periods=3)
    assert "periods: 3 equal shares of each generator's training sequence; 15 hyperedges" in caplog.text


def test_periods_are_those_of_the_events_of_the_window(build):
    """Also where a window does not begin at its sequence's first event."""
    model, (train, _, _) = build(periods=3, MAX_ITEM_LIST_LENGTH=5)
    dataset = train._dataset
    some_begin_late = False
    for batch in train:
        periods = model._periods(batch, batch["item_id_list"].shape[1])
        for row, (end, length) in enumerate(zip(batch["context_end"], batch["item_length"], strict=True)):
            events = torch.arange(end - length, end)
            assert torch.equal(batch["item_id_list"][row, :length], dataset.elements[events])
            assert torch.equal(periods.period[row, :length], model.event_period[events])
            assert torch.equal(periods.intent[row, :length], model.event_intent[events])
            some_begin_late |= int(end - length) not in dataset.sequences.start
    assert some_begin_late


def test_the_loss_asks_about_each_target_in_its_own_period(build):
    model, (train, _, _) = build(periods=3)
    batch = next(iter(train))
    hidden, period_states = model.hidden_at_targets(batch), model.networks.period_states()
    width, losses = batch["item_id_list"].shape[1], []
    for place, (position, target) in enumerate(zip(batch["target_position"], batch["target_element"], strict=True)):
        row, column = divmod(int(position), width)
        event = int(batch["context_end"][row] - batch["item_length"][row]) + column + 1
        assert train._dataset.elements[event] == target
        table = model.networks.tables(period_states)[model.event_period[event]]
        logits = table @ hidden[0, place] + model.networks.head.bias
        losses.append(-logits.log_softmax(-1)[target - 1])
    torch.testing.assert_close(model.loss_parts(batch).total, torch.stack(losses).mean())


def test_no_prediction_of_a_period_knows_that_period_or_a_later_one(build):
    """g2's training sequence has 10 events: of three periods, the second begins with event 4, the last with event 7."""

    def predictions(sequences):
        model, (train, _, test) = build(sequences, periods=3)
        batch = next(iter(train))
        hidden, period_states = model.hidden_at_targets(batch), model.networks.period_states()
        periods = model._periods(batch, batch["item_id_list"].shape[1], shift=1).period.flatten()
        order = periods[batch["target_position"]].argsort(stable=True)
        in_order = periods[batch["target_position"]][order]
        tables = model.networks.tables(period_states)[in_order]  # [M, |E|, d]
        logits = (tables @ hidden[0][order][:, :, None]).squeeze(2)
        rows = batch["target_position"][order] // batch["item_id_list"].shape[1]
        generator = train._dataset.generators[batch["context_end"][rows]]
        return logits, in_order, generator, model.full_sort_predict(next(iter(test))[0])

    before, periods, generators, of_test = predictions(world())
    after, _, _, of_test_after = predictions(world(g2=(7, "e3")))
    assert set(periods.tolist()) == {0, 1, 2}
    others = generators != generators.unique()[2]
    assert torch.equal(after[others], before[others])
    assert not torch.allclose(of_test, of_test_after), "the last period is known when the next element is asked for"
    earlier, *_ = predictions(world(g2=(4, "e0")))
    assert torch.equal(earlier[others & (periods < 2)], before[others & (periods < 2)])
    assert not torch.allclose(earlier[others & (periods == 2)], before[others & (periods == 2)])


def test_generators_of_the_same_history_keep_their_own_intents(build, predict_by_view):
    """Rows that follow one another and hold the same newest elements are not the same question."""
    sequences = {"a": ["e1"] * 8 + ["e4"] * 8, "b": ["e2", "e3"] * 4 + ["e4"] * 8}
    sequences |= {f"c{i}": [f"e{(i + k) % 7}" for k in range(9)] for i in range(9)}
    model, (_, _, test) = build(sequences, MAX_ITEM_LIST_LENGTH=4, periods=2)
    rows = test._dataset[list(range(len(test._dataset)))]
    first, second = rows[:1], rows[1:2]
    assert torch.equal(first["item_id_list"], second["item_id_list"])
    together = predict_by_view(model, rows[[0, 1]])
    alone = torch.cat([predict_by_view(model, first), predict_by_view(model, second)], dim=1)
    torch.testing.assert_close(together, alone)
    assert (together[0, 0] - together[0, 1]).abs() > 1e-6


def test_rows_made_by_hand_are_scored_one_by_one_as_all_at_once(build):
    """Rows without the place of their history in the dataset ended in KeyError where single elements were asked for."""
    model, (_, _, test) = build(periods=3)
    row = next(iter(test))[0]
    by_hand = Interaction({field: row[field] for field in ("item_id_list", "item_length", "item_id")})
    everything = model.full_sort_predict(by_hand)
    torch.testing.assert_close(model.predict(by_hand), everything.gather(1, by_hand["item_id"][:, None]).squeeze(1))


def test_states_of_periods_are_kept_between_questions_until_a_weight_changes(build):
    model, (_, _, test) = build(periods=3)
    networks, rows = model.eval().networks, test._dataset[np.arange(len(test._dataset))]
    with torch.no_grad():
        before = networks.period_states()
        assert networks.period_states() is before
        next(networks.sequential_hypergraphs.convolutions.parameters()).mul_(2)
        after = networks.period_states()
        assert after is not before and not torch.equal(after.elements, before.elements)
        scores = model.full_sort_predict(rows)
    assert networks.period_states().elements.requires_grad, "what learns asks for them anew"
    networks.train().eval()
    with torch.no_grad():
        assert networks.period_states() is not after
        torch.testing.assert_close(model.full_sort_predict(rows), scores)


def test_a_history_from_elsewhere_is_cut_by_its_own_length(build):
    model, _ = build(periods=4)
    sequences, lengths = torch.tensor([[1, 2, 3, 4], [5, 6, 0, 0]]), torch.tensor([4, 2])
    together = model.encode(sequences, lengths)
    assert together.shape == (1, 2, 32)
    torch.testing.assert_close(model.encode(sequences[1:, :2], lengths[1:])[:, 0], together[:, 1])


@pytest.mark.parametrize("period_by", ["position", "time"])
def test_trains_by_position_and_by_time(build, workplace, period_by):
    sequences = world()
    rows = ["user_id:token\titem_id:token\ttimestamp:float"]
    rows += [f"{g}\t{e}\t{10 * rank**2 + int(g[1])}" for g, row in sequences.items() for rank, e in enumerate(row)]
    (workplace / "dataset" / "world").mkdir(parents=True)
    settings = {"data_path": str(workplace / "timed"), "period_by": period_by}
    (workplace / "timed" / "world").mkdir(parents=True)
    (workplace / "timed" / "world" / "world.inter").write_text("\n".join(rows) + "\n")
    model, (train, _, _) = build(sequences, **settings)
    loss = model.calculate_loss(next(iter(train)))
    loss.backward()
    silent = [name for name, weight in model.named_parameters() if weight.grad is None]
    assert loss.isfinite() and silent == []


@pytest.mark.parametrize(
    "settings, message",
    [
        ({"periods": 0}, "periods: 0 must be a whole number of at least 1"),
        ({"periods": 2.5}, "periods: 2.5 must be a whole number of at least 1"),
        ({"period_by": "month"}, "period_by: 'month' must be one of position, time"),
        ({"convolutions": 0}, "convolutions: 0 must be a whole number of at least 1"),
        ({"base_network": "bidirectional"}, "base_network: 'bidirectional' must be causal for HyperRec"),
    ],
)
def test_bad_settings_are_named(workplace, settings, message):
    with pytest.raises(SettingsError) as caught:
        Config(model="HyperRec", dataset="ml-100k", config_dict=settings)
    assert caught.value.problems == [message]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--periods=50"], "periods: 50 is more than the 28 events of the longest training sequence"),
        (["--period_by=time"], "only counts the events of each generator"),
    ],
)
def test_periods_that_the_data_cannot_fill_are_messages_and_status_2(cyclic, monkeypatch, capsys, arguments, message):
    monkeypatch.setattr(sys, "argv", ["run_recbole", "--model=HyperRec", "--dataset=cyclic", *arguments])
    assert run_recbole.main() == 2
    assert message in capsys.readouterr().err
