"""What validation and test ask, the same of every model, also where little is left to be ranked among."""

import pytest

from recbole_hail.errors import DataError, SettingsError
from recbole_hail.evaluation.phase import phase_of


def test_every_model_ranks_the_same_lists(build):
    """Whichever dataset class RecBole reads for it, whichever the seed of training."""
    hashes = {protocol: set() for protocol in ("recbole", "strict", "paper", "popular", "full")}
    for protocol, found in hashes.items():
        for name, seed in (("HAIL", 1), ("SASRec", 2), ("GRU4Rec", 3), ("Pop", 4), ("MarkovChain", 5)):
            built = build(name, candidates=protocol, seed=seed)
            found.add(tuple(phase_of(built.config, loader._dataset).hash for loader in (built.valid, built.test)))
    assert [len(found) for found in hashes.values()] == [1] * 5
    assert len({pair for found in hashes.values() for pair in found}) == 5
    assert all(valid != test for found in hashes.values() for valid, test in found)


def test_a_validation_metric_of_targets_that_there_are_none_of_is_refused_before_training(build):
    folder = build("Pop").folder / "dataset" / "allnew"
    folder.mkdir()
    rows = [f"g{g}\te{(10 * g + rank) % 120}\t{rank}" for g in range(12) for rank in range(10)]
    header = "user_id:token\titem_id:token\ttimestamp:float"
    (folder / "allnew.inter").write_text("\n".join([header, *rows]) + "\n")
    with pytest.raises(SettingsError, match="'repeat_MRR' cannot be measured, for no validation target is repeat"):
        build("SASRec", "allnew", valid_metric="repeat_MRR")
    built = build("SASRec", "allnew", valid_metric="new_MRR")
    result = built.trainer.evaluate(built.test, load_best_model=False)
    assert (result["repeat_targets"], result["new_targets"]) == (0, 12)
    assert "repeat_mrr" not in result and result["new_mrr"] == result["mrr"]


def test_generators_that_have_had_almost_everything(build, caplog):
    """`all` has had every element, so that nothing is left for it to be ranked among under `paper`."""
    built = build("GRU4Rec", candidates="paper")
    with caplog.at_level("WARNING"):
        result = built.trainer.evaluate(built.test, load_best_model=False)
    assert result["repeat_targets"] + result["new_targets"] == 40
    assert "paper finds fewer than 99 for 1 of 41 targets: 1 have none and are left out\n" in caplog.text


def test_most_elements_are_not_popular_at_all(build, caplog, write_dataset):
    """Training has seen three elements; whoever's target is another one has three candidates."""
    world = {f"g{g}": ["e0", "e1", "e2", f"v{g}", f"t{g}" if g else "e0"] for g in range(60)}
    write_dataset(build("Pop").folder / "dataset", "rare", world)
    built = build("GRU4Rec", "rare", candidates="popular")
    with caplog.at_level("WARNING"):
        result = built.trainer.evaluate(built.test, load_best_model=False)
    assert "for 60 of 60 targets: 0 have none and are left out, the others are ranked among 2 or more" in caplog.text
    assert result["hit@5"] == 1 and result["repeat_targets"] == 1
    assert built.trainer.evaluations.candidates["test"]["shortage"] in caplog.text, "and records tell of it"


def test_pop_runs_where_a_generator_has_had_every_element(build):
    """RecBole refuses, for lack of negatives that nothing would have drawn."""
    built = build("Pop", candidates="strict")
    built.trainer.fit(built.train, built.valid, saved=False)
    assert 0 < built.trainer.evaluate(built.test, load_best_model=False)["mrr"] < 1


def test_a_model_that_trains_on_negatives_is_refused_where_there_are_none(build):
    with pytest.raises(DataError, match="BPR cannot draw negatives: Some users have interacted with all items"):
        build("BPR", repeatable=False)


def test_what_is_ranked_without_what_a_user_has_had_says_so(build, caplog):
    """RecBole refuses it where a generator has had every element, as it does without this package."""
    with pytest.raises(DataError, match=r"Pop cannot draw negatives: .* Or give --repeatable=True, under which"):
        build("Pop", repeatable=False)
    built = build("Pop", "rare", repeatable=False)
    with caplog.at_level("INFO"):
        built.trainer.fit(built.train, saved=False)
        built.trainer.evaluate(built.test, load_best_model=False)
    assert "RecBole's own, without what a user has had (repeatable: False); --repeatable=True asks" in caplog.text
