"""What a page begins with, for those who know no metric, and what it advises."""

import html
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from recbole.quick_start import run_recbole

from recbole_hail.evaluation.estimates import Estimate
from recbole_hail.page.estimates import guessed, right_answers, shares
from recbole_hail.page.gather import gather
from recbole_hail.page.html import to_html
from recbole_hail.training.loading import open_run

ONE_OUT = {"split": {"LS": "valid_and_test"}, "order": "TO", "group_by": "user", "mode": "uni99"}
BY_SHARE = {"split": {"RS": [0.8, 0.1, 0.1]}, "order": "TO", "group_by": "user", "mode": "full"}


@pytest.fixture(scope="module")
def report_of(build, tmp_path_factory):
    """The report of a model that was trained with some settings, and the record of its run."""
    built, made = build("Pop"), {}

    def report_of(model: str, **settings):
        key = (model, str(settings))
        if key not in made:
            folder = tmp_path_factory.mktemp(model)
            given = {**built.ranked, "candidates": "strict", "checkpoint_dir": str(folder), "topk": [1, 10], **settings}
            run_recbole(model=model, dataset="world", config_dict=given)
            with open_run(next(Path(folder).glob("*.pth"))) as it:
                made[key] = gather(it, say=lambda text: None)
        return made[key]

    return report_of


def said(report) -> str:
    """The section as people read it."""
    section = to_html(report).split('id="short"')[1].split("</section>")[0]
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", section)).split())


def test_shares_and_guesses_by_hand():
    ranks = np.array([[[0, 0, 3]], [[4, 0, 19]], [[10, 0, 99]], [[0, 1, 3]]])  # [4 questions, 1 scorer, 3]
    first, among_first = shares(right_answers(ranks, "half")[:, 0], np.arange(4))
    assert (first.mean, among_first.mean) == (1.5 / 4, 3 / 4)
    alike = shares(np.repeat([[1.0], [0.0]], 50, axis=0), np.repeat([1, 2], 50))[0]
    assert (alike.low, alike.high) == (0, 1), "a generator's questions are one observation"
    assert guessed(ranks[:, 0]) == pytest.approx((np.mean([1 / 4, 1 / 20, 1 / 100, 1 / 4]), np.mean([1, 0.5, 0.1, 1])))


def test_the_model_stands_beside_the_commonest_and_guessing(report_of):
    """ "In short" compared reciprocal ranks alone, which say nothing to those who have to decide."""
    report = report_of("GeneratorFrequency")
    text, summary = said(report), report.summary
    kept = report.record["results"]["test"]["model"]
    first, among_first = summary.shares[report.chosen]
    assert (first.mean, among_first.mean) == pytest.approx((kept["hit@1"], kept["hit@10"]))
    shown = [f"{mark.mean:.1%} {100 * mark.low:.1f}–{mark.high:.1%}" for mark in summary.shares[report.chosen]]
    assert f"the model, GeneratorFrequency {shown[0]} {shown[1]} the commonest everywhere" in text
    assert "guessing 1.0% 10.0%" in text and report.scorers[summary.plain].name == "Pop"
    assert summary.above_plain[0].mean == pytest.approx(first.mean - summary.shares[summary.plain][0].mean)


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        ([(-0.1, 0.1), (-0.2, 0.2)], "The model and {} cannot be told apart with 41 questions."),
        ([(0.1, 0.2), (0.1, 0.2)], "The model is right more often than {}."),
        ([(-0.2, -0.1), (-0.2, -0.1)], "The model is right less often than {}."),
        (
            [(-0.1, 0.1), (0.1, 0.2)],
            "Compared with {}: in the first answer the two cannot be told apart with 41 questions; in the first 10 the "
            "model is right more often.",
        ),
    ],
)
def test_whether_the_model_is_right_more_often_is_told_by_the_intervals(report_of, above, expected):
    report = report_of("GeneratorFrequency")
    marks = [Estimate((low + high) / 2, low, high) for low, high in above]
    text = said(replace(report, summary=replace(report.summary, above_plain=marks)))
    assert expected.format("naming the commonest elements everywhere") in text


def test_few_questions_are_said_to_be_few_and_the_split_that_asks_more_is_named(report_of):
    report = report_of("GeneratorFrequency", eval_args=ONE_OUT)
    larger = report_of("GeneratorFrequency", eval_args=BY_SHARE)
    assert report.summary.of_larger_split == larger.own.questions["all"] > report.own.questions["all"] == 41
    text = said(report)
    assert "So few questions say little: one right answer more or less is 2.4% of them." in text
    option = "--eval_args=\"{'split':{'RS':[0.8,0.1,0.1]},'order':'TO','group_by':'user','mode':'full'}\""
    assert f"trained with {option} is asked {larger.own.questions['all']}, some generators several times." in text
    many = replace(report.own, questions={**report.own.questions, "all": 100})
    assert "So few" not in said(replace(report, protocols=[many, *report.protocols[1:]]))
    no_more = said(replace(report, summary=replace(report.summary, of_larger_split=41)))
    assert "So few" in no_more and "eval_args" not in no_more


def test_the_shares_of_test_and_validation_are_both_told(report_of):
    """The page said 5.1 %, the forecast 2.5 %, of the same model."""
    report = report_of("GeneratorFrequency", candidates="full")
    results = report.record["results"]
    assert report.summary.among_all[0].mean == pytest.approx(results["test"]["model"]["hit@1"])
    assert report.summary.in_validation.mean == pytest.approx(results["valid"]["model"]["hit@1"])
    test, valid = report.summary.among_all[0], report.summary.in_validation
    assert (
        f"is right for {test.mean:.1%} ({100 * test.low:.1f}–{test.high:.1%}) of the 41 test targets "
        f"(each generator's last) and for {valid.mean:.1%} ({100 * valid.low:.1f}–{valid.high:.1%}) of 41 validation "
        "targets (each generator's last but one); the latter is the share that recbole-hail forecast reports."
    ) in said(report)
    by_share = said(report_of("GeneratorFrequency", eval_args=BY_SHARE))
    assert "test targets and for" in by_share and "last but one" not in by_share
    without = report_of("GeneratorFrequency", eval_args={**ONE_OUT, "split": {"LS": "test_only"}})
    assert without.summary.in_validation is None and "validation" not in said(without)


def test_where_the_commonest_are_better_they_are_named_and_a_rule_that_forecasts_is_taken(report_of):
    """ "Take Pop: run_recbole --model=Pop …" ended with status 2, and no forecast can be made with it."""
    report = report_of("GeneratorFrequency")
    names, worse = [scorer.name for scorer in report.scorers], Estimate(-0.1, -0.2, -0.05)
    at_pop = replace(report, best_rule=names.index("Pop"), above_rule=worse)
    named = "; ".join(f"{name} ({share:.1%})" for name, share in report.summary.commonest)
    text = said(at_pop)
    assert "Naming the commonest elements everywhere is better. By share of the training events " in text
    assert f"training events these are {named}. No forecast" in text
    assert "--model=Pop" not in text and len(report.summary.commonest) == 3
    taken = replace(at_pop, to_take=names.index("GeneratorKNN"), command="run_recbole --model=GeneratorKNN")
    assert "on this page that can forecast, GeneratorKNN is the best: run_recbole --model=GeneratorKNN" in said(taken)
    itself = replace(at_pop, to_take=report.chosen, command=None)
    assert "on this page that can forecast, the page's own is the best." in said(itself)


def test_the_page_of_pop_says_that_no_forecast_can_be_made_with_it(report_of):
    report = report_of("Pop")
    text = said(report)
    assert report.scorers[report.to_take].name != "Pop" and "--model=Pop" not in text
    assert "The model names the commonest elements everywhere. By share of the training events these are " in text
    assert "No forecast can be made in this way. Of the models on this page" in text and report.command in text
    assert "recbole-hail forecast reports" not in text and report.scorers[report.summary.plain].name != "Pop"


def test_shares_of_the_training_events_by_hand(report_of):
    """The last two events of each generator are no part of it."""
    rows = [line.split("\t")[:2] for line in Path("dataset/world/world.inter").read_text().splitlines()[1:]]
    sequences: dict[str, list[str]] = {}
    for generator, element in rows:
        sequences.setdefault(generator, []).append(element)
    trained = [element for sequence in sequences.values() for element in sequence[:-2]]
    for name, share in report_of("GeneratorFrequency").summary.commonest:
        assert share == pytest.approx(trained.count(name) / len(trained))
