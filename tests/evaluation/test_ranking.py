"""Ranks against a slow loop, and results against RecBole's own evaluation on the same candidates."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from recbole.data.interaction import Interaction
from recbole.trainer import Trainer

from recbole_hail.errors import TrainingDiverged
from recbole_hail.evaluation import ranking
from recbole_hail.evaluation.candidates import CandidateSets
from recbole_hail.evaluation.metrics import RankEvaluator
from recbole_hail.evaluation.phase import phase_of
from recbole_hail.evaluation.ranking import Scored, first_answers, rank_targets, score_targets

METRICS = [f"{metric}@{k}" for metric in ("hit", "ndcg", "mrr") for k in (1, 5, 10, 100)]


class Table(torch.nn.Module):
    """A model whose scores stand in a table, one row for each generator."""

    device = torch.device("cpu")

    def __init__(self, scores):
        super().__init__()
        self.scores = torch.as_tensor(scores, dtype=torch.float32)
        self.asked = []

    def full_sort_predict(self, interaction):
        self.asked += interaction["user_id"].tolist()
        return self.scores[interaction["user_id"]].flatten()


class Rows:
    """The little of a RecBole part that ranking reads: row n asks generator n for its target."""

    iid_field = "item_id"

    def __init__(self, targets, elements: int):
        self.item_num, self.item_feat = elements + 1, None
        columns = {"user_id": torch.arange(len(targets)), "item_id": torch.tensor(targets)}
        self.inter_feat = Interaction(columns)

    def __getitem__(self, index):
        return self.inter_feat[index]


def by_loop(scores, targets, lists) -> list[list[int]]:
    found = []
    for row, (target, candidates) in enumerate(zip(targets, lists, strict=True)):
        others = [scores[row][candidate] for candidate in candidates if candidate not in (0, target)]
        own = scores[row][target]
        found.append([sum(s > own for s in others), sum(s == own for s in others), len(others)])
    return found


@settings(max_examples=80, deadline=None)
@given(st.data(), st.integers(2, 7), st.integers(1, 6), st.integers(1, 5), st.booleans())
def test_ranks_agree_with_a_loop(data, elements, rows, most_rows, full):
    """Few scores and so many ties; duplicates as `paper` draws them, gaps at the end of short lists."""
    score = st.sampled_from([-np.inf, -1.0, 0.0, 1.0])
    scores = [[data.draw(score) for _ in range(elements + 1)] for _ in range(rows)]
    targets = [data.draw(st.integers(1, elements)) for _ in range(rows)]
    lists = np.zeros((rows, 4), dtype=np.int32)
    for row, target in enumerate(targets):
        others = st.integers(1, elements).filter(lambda element, target=target: element != target)
        drawn = data.draw(st.lists(others, max_size=4))
        lists[row, : len(drawn)] = drawn
    sets = CandidateSets(None if full else lists, "")
    found = rank_targets(Table(scores), Rows(targets, elements), np.arange(rows), sets, most_rows=most_rows)
    candidates = [range(1, elements + 1)] * rows if full else lists
    assert found[:, 0].tolist() == by_loop(scores, targets, candidates)


def test_every_row_is_scored_once_and_no_row_gives_nothing():
    model, sets = Table(torch.randn(9, 8)), CandidateSets(None, "")
    rank_targets(model, Rows([1] * 9, 7), np.array([8, 2, 5]), sets, most_rows=2)
    assert model.asked == [8, 2, 5]
    assert rank_targets(model, Rows([1] * 9, 7), np.array([], dtype=int), sets, most_rows=2).shape == (0, 1, 3)


@pytest.mark.parametrize("place", [1, 3])
def test_scores_that_are_no_numbers_are_refused(place):
    scores = torch.zeros(1, 5)
    scores[0, place] = float("nan")
    with pytest.raises(TrainingDiverged, match="NaN"):
        rank_targets(Table(scores), Rows([1], 4), np.array([0]), CandidateSets(np.array([[2, 3]]), ""), most_rows=9)


def test_padding_may_score_nan():
    scores = torch.zeros(1, 5)
    scores[0, 0] = scores[0, 4] = float("nan")
    sets = CandidateSets(np.array([[2, 3, 0]]), "")
    assert rank_targets(Table(scores), Rows([1], 4), np.array([0]), sets, most_rows=9).tolist() == [[[0, 2, 2]]]


def test_the_first_answer_is_the_lowest_of_the_best_and_neither_a_gap_nor_a_copy():
    asked = torch.tensor([[4, 3, 2, 0], [4, 2, 4, 0], [1, 3, 0, 0]])
    scores = torch.tensor([[1.0, 5.0, 5.0, 9.0], [7.0, 1.0, 7.0, 9.0], [-torch.inf, -torch.inf, 0.0, 0.0]])
    real = torch.tensor([[True, True, True, False], [True, True, False, False], [True, True, False, False]])
    assert first_answers(Scored(np.arange(3), 0, asked, scores, real)).tolist() == [2, 4, 1]


class Lists:
    """In place of RecBole's sampler: our lists, short ones filled up with what collapses anyway."""

    phase, used_ids = "test", None

    def __init__(self, phase, part):
        self.of = {}
        for row, elements in zip(phase.rows, phase.candidates.elements, strict=True):
            real = elements[elements > 0]
            self.of[int(part.inter_feat["user_id"][row])] = np.resize(real, phase.wanted)

    def sample_by_user_ids(self, user_ids, item_ids, num):
        (user,) = user_ids
        return torch.from_numpy(self.of[int(user)].astype(np.int64))


def by_recbole(built, loader) -> dict[str, float]:
    """RecBole's own evaluation, without the plugin, on our candidates."""
    phase = phase_of(built.config, loader._dataset)
    if phase.protocol != "full":
        loader._sampler = Lists(phase, loader._dataset)
    return Trainer.evaluate.__wrapped__(built.trainer, loader, load_best_model=False)


@pytest.mark.parametrize("protocol", ["recbole", "strict", "popular", "full"])
@pytest.mark.parametrize("name", ["BERT4Rec", "SASRec", "GRU4Rec", "HAIL"])
def test_numbers_are_those_of_recboles_own_evaluation_on_the_same_candidates(build, name, protocol):
    built = build(name, candidates=protocol)
    ours = built.trainer.evaluate(built.test, load_best_model=False)
    theirs = by_recbole(built, built.test)
    assert {metric: ours[metric] for metric in METRICS} == pytest.approx({m: theirs[m] for m in METRICS}, abs=1e-9)
    if protocol != "full":
        assert ours["mrr"] == pytest.approx(theirs["mrr@100"], abs=1e-9)
        assert ours["hit@100"] == 1


@pytest.mark.parametrize("protocol", ["strict", "full"])
def test_a_model_that_only_scores_single_elements(build, protocol, caplog):
    """RecBole's DIN has no full_sort_predict; that an evaluation takes thirty times as long for it was not said."""
    built = build("DIN", candidates=protocol, mlp_hidden_size=[8])
    ranking._tell_slow.cache_clear()
    for loader in (built.valid, built.test):
        ours = built.trainer.evaluate(loader, load_best_model=False)
        theirs = by_recbole(built, loader)
        assert {metric: ours[metric] for metric in METRICS} == pytest.approx({m: theirs[m] for m in METRICS}, abs=1e-9)
    assert caplog.text.count("DIN has no full_sort_predict, so elements are scored one by one") == 1


def test_candidates_have_their_own_features_and_not_the_targets(build):
    """A model that only scores single elements was given the features of the target beside every candidate."""
    folder = build("Pop").folder / "dataset" / "featured"
    folder.mkdir()
    (folder / "featured.inter").write_text((folder.parent / "world" / "world.inter").read_text())
    features = [f"e{element}\tc{element % 7}" for element in range(120)]
    (folder / "featured.item").write_text("\n".join(["item_id:token\tkind:token", *features]) + "\n")
    columns = {"inter": ["user_id", "item_id", "timestamp"], "item": ["item_id", "kind"]}
    built = build("DIN", "featured", candidates="strict", mlp_hidden_size=[8], load_col=columns)
    ours = built.trainer.evaluate(built.test, load_best_model=False)
    theirs = by_recbole(built, built.test)
    assert {metric: ours[metric] for metric in METRICS} == pytest.approx({m: theirs[m] for m in METRICS}, abs=1e-9)


def test_single_elements_are_scored_in_batches(build, monkeypatch):
    """All elements of all rows at once would need generators x candidates x length."""
    built = build("DIN", candidates="full", mlp_hidden_size=[8], eval_batch_size=250)
    predict, sizes = built.model.predict, []
    monkeypatch.setattr(built.model, "predict", lambda rows: sizes.append(len(rows)) or predict(rows))
    built.trainer.evaluate(built.test, load_best_model=False)
    assert max(sizes) <= 250 and sum(sizes) == 41 * 121  # the target beside all 120 elements


def test_single_elements_are_scored_where_a_batch_is_shorter_than_a_list(build):
    settings = {"candidates": "strict", "mlp_hidden_size": [8]}
    short, long = (build("DIN", eval_batch_size=size, **settings) for size in (50, 1000))
    found = [built.trainer.evaluate(built.test, load_best_model=False) for built in (short, long)]
    assert found[0] == pytest.approx(found[1])


@pytest.mark.parametrize("name", ["HAIL", "SASRec", "GRU4Rec"])
def test_neither_batch_size_nor_the_order_of_rows_changes_a_rank(build, name):
    built = build(name, candidates="strict")
    part = built.test._dataset
    phase = phase_of(built.config, part)
    found = [
        rank_targets(built.model, part, phase.rows, phase.candidates, most_rows=most_rows) for most_rows in (1, 7, 4096)
    ]
    assert torch.equal(found[0], found[1]) and torch.equal(found[0], found[2])
    turned = CandidateSets(phase.candidates.elements[::-1].copy(), "")
    again = rank_targets(built.model, part, phase.rows[::-1].copy(), turned, most_rows=7)
    assert torch.equal(again.flip(0), found[0])


@pytest.mark.parametrize("name", ["HAIL", "HyperRec"])
def test_of_many_elements_only_those_that_are_asked_about_are_scored(build, monkeypatch, name):
    """All of a million were scored for the 100 of each list, which took 200 times as long."""
    built = build(name, candidates="strict")
    part, model = built.test._dataset, built.model
    phase = phase_of(built.config, part)

    def scored():
        found = score_targets(model.eval(), part, phase.rows, phase.candidates, most_rows=4096)
        return [(one.view, one.scores.masked_fill(~one.real, 0.0)) for one in found]

    of_all, ranks = scored(), rank_targets(model, part, phase.rows, phase.candidates, most_rows=4096)
    monkeypatch.setattr(ranking, "IN_ONE_PRODUCT", 0)
    monkeypatch.setattr(model, "score_encoded", None)
    for (view, some), (expected_view, expected) in zip(scored(), of_all, strict=True):
        assert view == expected_view
        torch.testing.assert_close(some, expected)
    again = rank_targets(model, part, phase.rows, phase.candidates, most_rows=4096)
    assert (again == ranks).float().mean() > 0.99, "but for those that rounding parts"


def test_a_list_of_all_is_one_product_however_many_elements(build, monkeypatch):
    built = build("HAIL", candidates="full")
    monkeypatch.setattr(built.model, "score_candidates", None)
    built.trainer.evaluate(built.test, load_best_model=False)


@pytest.mark.parametrize("name, method", [("SASRec", "full_sort_predict"), ("HAIL", "encode")])
def test_each_sequence_is_encoded_once(build, monkeypatch, name, method):
    built = build(name, candidates="strict")
    original, encoded = getattr(built.model, method), []
    monkeypatch.setattr(built.model, method, lambda rows, *more: encoded.append(len(rows)) or original(rows, *more))
    built.trainer.evaluate(built.test, load_best_model=False)
    assert sum(encoded) == 41


def test_each_view_gives_what_a_run_that_predicts_with_it_gives(build):
    together = build("HAIL", peers=2, candidates="strict")
    together.trainer.evaluate(together.test, load_best_model=False)
    assert list(together.trainer.evaluations.newest) == ["peer 1", "peer 2", "mean"]
    for choice, view in ((1, "peer 1"), (2, "peer 2"), ("mean", "mean")):
        alone = build("HAIL", peers=2, candidates="strict", predict_with=choice)
        result = alone.trainer.evaluate(alone.test, load_best_model=False)
        assert result == together.trainer.evaluations.newest[view]
    assert together.trainer.evaluations.newest["peer 1"] != together.trainer.evaluations.newest["peer 2"]


def test_each_view_is_ranked_by_its_own_scores(build, predict_by_view):
    built = build("HAIL", peers=3, candidates="strict")
    part = built.test._dataset
    phase = phase_of(built.config, part)
    ranks = rank_targets(built.model, part, phase.rows, phase.candidates, most_rows=4096)
    for row in range(0, 41, 8):
        interaction = part[phase.rows[row : row + 1]]
        lists = torch.cat([interaction["item_id"], torch.from_numpy(phase.candidates.elements[row]).long()])
        many = interaction.repeat_interleave(len(lists))
        many.update(Interaction({"item_id": lists}))
        for view, scores in enumerate(predict_by_view(built.model, many).tolist()):
            expected = [sum(s > scores[0] for s in scores[1:]), sum(s == scores[0] for s in scores[1:]), 99]
            assert ranks[row, view].tolist() == expected


def test_a_constant_scorer_gets_chance_level_under_every_protocol(build, monkeypatch):
    for protocol, chance in (("strict", 0.01), ("paper", 0.01), ("full", 1 / 120)):
        built = build("SASRec", candidates=protocol)
        monkeypatch.setattr(built.model, "full_sort_predict", lambda rows: torch.zeros(len(rows), 121))
        result = built.trainer.evaluate(built.test, load_best_model=False)
        assert [result[f"hit@{k}"] for k in (1, 5, 10)] == pytest.approx([chance, 5 * chance, 10 * chance])


def test_evaluating_twice_gives_the_same_and_other_rows_their_own(build):
    built = build("SASRec", candidates="strict")
    first = built.trainer.evaluate(built.test, load_best_model=False)
    assert built.trainer.evaluate(built.test, load_best_model=False) == first
    of_valid = built.trainer.evaluate(built.valid, load_best_model=False)
    assert of_valid != first
    built.test._dataset.inter_feat._reindex(torch.arange(41).flip(0))  # as another loader's sorting would
    assert built.trainer.evaluate(built.test, load_best_model=False) == first


def test_the_training_part_is_left_to_recboles_evaluation(build):
    from recbole.data.dataloader import FullSortEvalDataLoader

    built = build("SASRec", candidates="full", valid_metric="MRR@10")
    loader = FullSortEvalDataLoader(built.config, built.train._dataset, None)
    result = built.trainer.evaluate(loader, load_best_model=False)
    assert result == by_wrapped(built, loader)
    assert not getattr(built.trainer, "results", {}), "no test has been made"


def by_wrapped(built, loader):
    return Trainer.evaluate.__wrapped__(built.trainer, loader, load_best_model=False)


def test_results_go_through_recboles_collector_and_leave_nothing_in_it(build):
    built = build("SASRec", candidates="strict")
    built.trainer.evaluate(built.test, load_best_model=False)
    assert "rec.ranks" not in built.trainer.eval_collector.data_struct
    collected = SimpleNamespace(get={"rec.ranks": torch.tensor([[[0, 0, 9]]]), "rec.repeat": torch.tensor([True])}.get)
    assert RankEvaluator(built.config).evaluate(collected)["mrr"] == 1
