"""Which protocol the settings mean, and for whom RecBole evaluates by itself."""

import pytest
from recbole.config import Config

from recbole_hail.errors import SettingsError
from recbole_hail.evaluation.protocol import protocol_of

LEAVE_ONE_OUT = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user"}
RATIOS = {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "TO", "group_by": "user"}


def protocols(model: str, arguments: dict, dataset: str = "ml-100k", **settings) -> list:
    settings = {"valid_metric": "Hit@1", "metrics": ["Hit"], "topk": [1, 5], "use_gpu": False, "gpu_id": "", **settings}
    config = Config(model=model, dataset=dataset, config_dict={"eval_args": arguments, **settings})
    return [protocol_of(config, phase) for phase in ("valid", "test")]


@pytest.mark.parametrize("model", ["HAIL", "SASRec", "Pop"])
@pytest.mark.parametrize(
    "mode, candidates, expected",
    [
        ("uni99", None, [("recbole", 99)] * 2),
        ("uni50", None, [("recbole", 50)] * 2),
        ("full", None, [("full", 99)] * 2),
        ("pop100", None, [None] * 2),
        ({"valid": "uni99", "test": "full"}, None, [("recbole", 99), ("full", 99)]),
        ("uni99", "strict", [("strict", 99)] * 2),
        ("uni50", "strict", [("strict", 50)] * 2),
        ("full", "paper", [("paper", 99)] * 2),
        ("pop100", "popular", [("popular", 100)] * 2),  # it was 99
        ({"valid": "pop20", "test": "full"}, "strict", [("strict", 20), ("strict", 99)]),
        ("uni99", "full", [("full", 99)] * 2),
        ({"valid": "uni20", "test": "uni50"}, "strict", [("strict", 20), ("strict", 50)]),
    ],
)
def test_the_protocol_is_named_or_goes_by_the_mode(workplace, model, mode, candidates, expected):
    assert protocols(model, {**LEAVE_ONE_OUT, "mode": mode}, candidates=candidates) == expected


def test_a_question_with_several_answers_is_left_to_recbole(workplace):
    """A model that is not sequential gets all held-out elements of a generator at once."""
    assert protocols("Pop", {**RATIOS, "mode": "full"}) == [None, None]
    assert protocols("SASRec", {**RATIOS, "mode": "full"}) == [("full", 99)] * 2
    with pytest.raises(SettingsError, match="candidates: strict ranks one target at a time"):
        protocols("Pop", {**RATIOS, "mode": "uni99"}, candidates="strict")


@pytest.mark.parametrize("mode", ["full", "uni99"])
def test_what_leaves_out_repeats_is_left_to_recbole(workplace, mode):
    """RecBole's default for models that are not sequential; their elements of training were ranked all the same, which
    halved the HR@10 of ItemKNN on ML-100K.
    """
    how = {**LEAVE_ONE_OUT, "mode": mode}
    ours = [({"uni99": "recbole"}.get(mode, mode), 99)] * 2
    assert protocols("BPR", how, dataset="mine") == protocols("BPR", how, repeatable=False) == [None, None]
    assert protocols("BPR", how, dataset="mine", repeatable=True) == protocols("HAIL", how, dataset="mine") == ours
    assert protocols("BPR", how, dataset="mine", candidates="strict") == [("strict", 99)] * 2
    with pytest.raises(SettingsError, match="repeatable: False leaves out what a user has had"):
        protocols("BPR", how, candidates="strict", repeatable=False)


def test_what_leaves_out_repeats_is_refused_on_the_command_line_too(workplace, monkeypatch):
    """There it was passed over."""
    monkeypatch.setattr("sys.argv", ["run_recbole", "--candidates=strict", "--repeatable=False"])
    with pytest.raises(SettingsError, match="repeatable: False leaves out what a user has had"):
        protocols("Pop", {**LEAVE_ONE_OUT, "mode": "uni99"})


@pytest.mark.parametrize("metrics", [["Hit", "ItemCoverage"], ["GAUC", "Hit"]])
def test_metrics_of_more_than_ranks_are_left_to_recbole(workplace, metrics):
    assert protocols("SASRec", {**LEAVE_ONE_OUT, "mode": "full"}, metrics=metrics) == [None, None]


def said_of(model: str, arguments: dict, **settings) -> str:
    with pytest.raises(SettingsError) as error:
        protocols(model, arguments, **settings)
    return "; ".join(error.value.problems)


def test_what_keeps_a_model_from_a_protocol_is_named_with_the_option_that_mends_it(workplace):
    """All conditions were listed, those that were met too, for some model of a group that was not named."""
    split, mended = {**RATIOS, "mode": "full"}, {"split": {"LS": "valid_and_test"}, "order": "TO", "mode": "full"}
    assert said_of("BPR", split, candidates="full") == (
        "BPR: candidates: full ranks one target at a time, but it is not sequential and eval_args has the split "
        f'{RATIOS["split"]} in place of LS; use --eval_args="{mended}"'
    )
    assert protocols("BPR", mended, candidates="full") == [("full", 99)] * 2
    random = said_of("BPR", {**split, "order": "RO"}, candidates="full")
    assert "but eval_args has the order RO in place of TO, it is not sequential and" in random


def test_metrics_that_are_no_matter_of_ranks_are_named_alone(workplace):
    how = {**LEAVE_ONE_OUT, "mode": "full"}
    assert said_of("HAIL", how, candidates="full", metrics=["Hit", "ItemCoverage"]) == (
        "HAIL: candidates: full ranks one target at a time, but ItemCoverage in metrics is no matter of ranks; use "
        """--metrics="['Hit']\""""
    )
    coverage = {"metrics": ["ItemCoverage"], "valid_metric": "ItemCoverage@5"}
    advised = """; use --metrics="['Hit', 'NDCG', 'MRR']" --valid_metric=MRR@5"""
    assert said_of("HAIL", how, candidates="full", **coverage).endswith(advised)
    assert protocols("HAIL", how, candidates="full", metrics=["Hit", "NDCG", "MRR"], valid_metric="MRR@5")


def test_as_many_elements_as_a_list_holds_may_be_asked_for(workplace):
    assert protocols("SASRec", {**LEAVE_ONE_OUT, "mode": "uni20"}, topk=[1, 21]) == [("recbole", 20)] * 2
    with pytest.raises(SettingsError, match="topk: 22 is more than the target and the 20 candidates that recbole"):
        protocols("SASRec", {**LEAVE_ONE_OUT, "mode": "uni20"}, topk=[1, 22])
