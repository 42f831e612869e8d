"""Times that would lose their order, or that are not there."""

import pytest
from recbole.config import Config
from recbole.data import create_dataset, data_preparation

from recbole_hail.errors import DataError

START = 1_600_000_000  # float32 knows every 128th second from there


@pytest.mark.parametrize("model", ["HAIL", "SASRec", "BPR", "MarkovChain"])
@pytest.mark.parametrize("apart", [1, 60, 0.25])
def test_events_stay_in_order_where_float32_cannot_tell_their_times_apart(make_config, distinct_items, model, apart):
    """Seconds since 1970 are rounded to two minutes: training, validation and test had other targets, in silence."""
    sequences = {
        user: [(item, START + apart * place) for item, place in events]
        for user, events in distinct_items([5, 8, 6]).items()
    }
    settings = {"train_neg_sample_args": None} if model != "BPR" else {"train_neg_sample_args": {"sample_num": 1}}
    eval_args = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "full"}
    config = make_config(sequences, model=model, topk=[1], valid_metric="MRR@1", eval_args=eval_args, **settings)
    dataset = create_dataset(config)
    _, valid, test = dataset.build()
    for part, place in ((valid, -2), (test, -1)):
        found = {
            dataset.id2token("user_id", user): dataset.id2token("item_id", item)
            for user, item in zip(part.inter_feat["user_id"], part.inter_feat["item_id"], strict=True)
        }
        assert found == {user: events[place][0] for user, events in sequences.items()}


@pytest.mark.parametrize("start", [0, START])
def test_a_time_may_be_a_feature_too(make_config, distinct_items, start):
    """It was refused."""
    sequences = {
        user: [(item, start + place) for item, place in events] for user, events in distinct_items([5, 8, 6]).items()
    }
    dataset = create_dataset(make_config(sequences, numerical_features=["timestamp"]))
    _, valid, test = dataset.build()
    for part, place in ((valid, -2), (test, -1)):
        expected = [dataset.token2id("item_id", sequences[user][place][0]) for user in ("u0", "u1", "u2")]
        assert sorted(part.inter_feat["item_id"].tolist()) == sorted(expected)


@pytest.mark.parametrize("missing", ["", "nan"])
@pytest.mark.parametrize("model", ["HAIL", "SASRec", "Pop"])
def test_an_event_without_a_time_is_refused(make_config, distinct_items, model, missing):
    """It got the mean of all times: the newest event of a sequence moved into its middle."""
    sequences = distinct_items([5, 8, 6])
    sequences["u1"][-1] = (sequences["u1"][-1][0], missing)
    with pytest.raises(DataError, match="tiny has 1 events without timestamp, the first of 'u1'"):
        data_preparation(*(lambda config: (config, create_dataset(config)))(make_config(sequences, model=model)))


def test_times_that_are_not_asked_for_may_be_missing(make_config, distinct_items):
    sequences = distinct_items([5, 8, 6])
    sequences["u1"][-1] = (sequences["u1"][-1][0], "")
    random_order = {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "RO", "group_by": "user", "mode": "full"}
    create_dataset(make_config(sequences, model="BPR", eval_args=random_order, valid_metric="MRR@10"))


@pytest.mark.parametrize("how, times, told", [(None, "places", True), (None, "days", False), ("user", "places", False)])
def test_a_split_by_one_time_over_places_in_sequences_is_told_of(workplace, caplog, how, times, told):
    """The converters' timestamp is a place in a sequence, and such a split held out the ends of the longest."""
    folder = workplace / "dataset" / "ranks"
    folder.mkdir(parents=True)
    rows = [
        f"u{user}\ti{place}\t{place if times == 'places' else 1000 * user + 3 * place}"
        for user in range(6)
        for place in range(4 + user)
    ]
    header = "user_id:token\titem_id:token\ttimestamp:float"
    (folder / "ranks.inter").write_text("\n".join([header, *rows]) + "\n")
    arguments = {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "TO", "group_by": how, "mode": "full"}
    with caplog.at_level("WARNING"):
        settings = {"eval_args": arguments, "train_neg_sample_args": None}
        create_dataset(Config("SASRec", "ranks", config_dict=settings)).build()
    assert ("6 of 6 generators begin at 0, as if it were places in a sequence" in caplog.text) == told
