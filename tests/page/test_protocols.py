"""Under which protocols the test is asked again, and what is said of forecasts, which choose from all elements."""

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from recbole.quick_start import run_recbole

from recbole_hail.page import protocols, wording
from recbole_hail.page.estimates import right_answers
from recbole_hail.page.gather import gather
from recbole_hail.page.html import to_html
from recbole_hail.training.loading import open_run


@pytest.fixture(scope="module")
def tested(build, tmp_path_factory):
    """SASRec tested under `strict` and under `full`: result, report and page of each."""
    built, found = build("Pop"), {}
    for protocol in ("strict", "full"):
        folder = tmp_path_factory.mktemp(protocol)
        given = {**built.ranked, "epochs": 1, "candidates": protocol, "checkpoint_dir": str(folder), "topk": [1, 10]}
        result = run_recbole(model="SASRec", dataset="world", config_dict=given)["test_result"]
        with open_run(next(folder.glob("*.pth"))) as it:
            report = gather(it, say=lambda text: None)
        found[protocol] = result, report, to_html(report)
    return found


def test_how_often_a_forecast_is_right_is_told_beside_shorter_lists(tested):
    """The only share of right first answers was that among 99, and forecasts choose from all elements."""
    of_forecasts, _, _ = tested["full"]
    _, report, page = tested["strict"]
    first, among_ten = report.summary.among_all
    assert (first.mean, among_ten.mean) == pytest.approx((of_forecasts["hit@1"], of_forecasts["hit@10"]))
    assert (
        f"A forecast chooses from all 120 elements. Among these, the first answer is right for "
        f"{wording.percent(first)} of the 41 test targets " in page
    )
    assert f" One of the first 10 is right for {wording.percent(among_ten)} of the test targets.</li>" in page
    folded = page.split('id="protocols"')[1].split("</section>")[0].split("<details>")
    assert "<h3>full</h3></summary>" in folded[1] and first.mean == report.protocols[1].marks["all"][0][0].mean


def test_a_run_that_was_tested_among_all_elements_says_so_once(tested):
    result, report, page = tested["full"]
    assert [found.described["protocol"] for found in report.protocols] == ["full", "strict", "paper", "recbole"]
    among_ten = report.summary.shares[report.chosen][1]
    assert f"{among_ten.mean:.1%} <small>" in page and among_ten.mean == pytest.approx(result["hit@10"])
    assert f"the first answer is right for {wording.percent(report.summary.among_all[0])} of" in page
    assert "One of the first 10 is right for" not in page, "the table has it"


def test_two_protocols_that_draw_all_elements_have_one_table(build, write_dataset, tmp_path):
    """Of 100 elements strict draws all: its table was that of full once more."""
    write_dataset(Path("dataset"), "few", {f"g{g}": [f"e{(g + i * i) % 100}" for i in range(20)] for g in range(100)})
    given = {**build("Pop").ranked, "checkpoint_dir": str(tmp_path)}
    run_recbole(model="GeneratorFrequency", dataset="few", config_dict=given)
    with open_run(next(tmp_path.glob("*.pth"))) as it:
        report = gather(it, say=lambda text: None)
    assert [result.described["protocol"] for result in report.distinct] == ["recbole", "full", "paper"]
    assert "strict: the same as full, because there are only 99 others to draw from." in to_html(report)


def test_shares_by_hand():
    ranks = np.array([[0, 0, 99], [0, 1, 99], [9, 0, 99], [10, 0, 99]])
    for ties, first in (("half", 1.5 / 4), ("pessimistic", 1 / 4)):
        assert right_answers(ranks[:, None], ties).mean(axis=0)[0] == pytest.approx((first, 3 / 4))


class _Many:
    """A test part of toys' size."""

    item_num = 11_925

    def __len__(self):
        return 19_412


@pytest.mark.parametrize(
    ("model", "many", "refused"), [("DIN", False, False), ("DIN", True, True), ("SASRec", True, False)]
)
def test_models_that_score_one_by_one_are_not_asked_for_hours(build, model, many, refused):
    built = build(model)
    seen = SimpleNamespace(model=built.model, config=built.config, test=_Many() if many else built.test._dataset)
    assert bool(protocols._too_many(seen)) is refused
    if refused:
        told = protocols._too_many(seen)
        assert told == "DIN scores one element at a time, and 231,468,688 scores would take too long."
