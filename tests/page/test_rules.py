"""The page of a rule, and the rules beside it."""

from dataclasses import replace
from pathlib import Path

import pytest
from recbole.quick_start import run_recbole

from recbole_hail.evaluation.estimates import Estimate
from recbole_hail.page.gather import gather
from recbole_hail.page.html import to_html
from recbole_hail.training.loading import open_run


@pytest.fixture(scope="module")
def page_of(build, tmp_path_factory):
    """Report and page of a model that was trained with some settings."""
    built = build("Pop")

    def page_of(model: str, **settings):
        folder = tmp_path_factory.mktemp(model)
        given = {**built.ranked, "candidates": "strict", "checkpoint_dir": str(folder), "topk": [1, 10], **settings}
        run_recbole(model=model, dataset="world", config_dict=given)
        with open_run(next(Path(folder).glob("*.pth"))) as it:
            report = gather(it, say=lambda text: None)
        return report, to_html(report)

    return page_of


def names_in(report) -> list[str]:
    return [scorer.name for scorer in report.scorers]


@pytest.mark.parametrize("rule", ["Pop", "GeneratorFrequency", "GeneratorKNN"])
def test_a_rule_is_not_compared_with_itself(page_of, rule):
    """ "GeneratorKNN, the best of the rules beside it, …: the difference is +0.000", and it stood twice everywhere."""
    report, page = page_of(rule)
    assert names_in(report) == [rule, *(name for name in ("Pop", "GeneratorFrequency", "GeneratorKNN") if name != rule)]
    best = report.scorers[report.best_rule].name
    assert best != rule and f"{best}, the best of the other rules on this page, which count" in page
    assert report.scorers[report.to_take].name != "Pop" and report.above_rule.mean != 0
    assert f'<th scope="row">{rule} (the model)</th>' in page and f"{rule} (rule)" not in page
    assert "the model is such a rule itself" in page


def test_a_rule_with_other_settings_is_told_apart_from_the_one_beside_it(page_of):
    """Both rows were called GeneratorKNN."""
    report, page = page_of("GeneratorKNN", weight=1)
    assert names_in(report) == ["GeneratorKNN", "Pop", "GeneratorFrequency", "GeneratorKNN with weight 80"]
    assert '<th scope="row">GeneratorKNN with weight 80 (rule)</th>' in page
    assert "with weight 80" not in (report.command or "")


def test_two_settings_that_answer_alike_are_not_said_to_be_hardly_apart(page_of):
    """ "The two do not differ clearly: the difference is +0.000 (+0.000 to +0.000)" says less than is known."""
    report, _ = page_of("GeneratorKNN", weight=1)
    page = to_html(replace(report, above_rule=Estimate(0.0, 0.0, 0.0)))
    assert "The two give every target the same rank.</li>" in page and "differ clearly" not in page


def test_another_rule_stands_beside_all_of_them(page_of):
    report, page = page_of("RecencyFrequency")
    assert (
        names_in(report)[1:] == ["Pop", "GeneratorFrequency", "GeneratorKNN"] and "the best of the other rules" in page
    )


@pytest.mark.parametrize("rule", ["Pop", "GeneratorKNN"])
def test_a_rule_has_no_curve_because_it_has_no_training(page_of, rule):
    """Its page said that there is no record beside the checkpoint, though there was one."""
    report, page = page_of(rule)
    section = page.split('id="curves"')[1].split("</section>")[0]
    assert report.record and f"{rule} is a rule: it counts past events and has no training, so there is no" in section
    assert "no record" not in section and "<svg" not in section


def test_the_page_of_a_model_with_vectors_of_entities(workplace, write_dataset):
    """The rules beside GRU4RecKG were asked to take its vectors, of a field that they have not."""
    elements = [f"e{number}" for number in range(12)]
    sequences = {f"g{g}": [elements[(g + i) % 12] for i in range(8)] for g in range(20)}
    folder = write_dataset(workplace / "dataset", "known", sequences).parent
    files = {
        "ent": ["ent_id:token\tent_emb:float_seq", *(f"m{name}\t{' '.join(['0.5'] * 64)}" for name in elements)],
        "kg": ["head_id:token\trelation_id:token\ttail_id:token", *(f"m{name}\tr\tme0" for name in elements)],
        "link": ["item_id:token\tentity_id:token", *(f"{name}\tm{name}" for name in elements)],
    }
    for kind, lines in files.items():
        (folder / f"known.{kind}").write_text("\n".join(lines) + "\n")
    columns = {kind: [field.partition(":")[0] for field in lines[0].split("\t")] for kind, lines in files.items()}
    vectors = {"additional_feat_suffix": ["ent"], "alias_of_entity_id": ["ent_id"]}
    vectors["preload_weight"] = {"ent_id": "ent_emb"}
    given = {"load_col": {"inter": ["user_id", "item_id", "timestamp"], **columns}, **vectors, "candidates": "full"}
    run_recbole(model="GRU4RecKG", dataset="known", config_dict={**given, "epochs": 1, "show_progress": False})
    with open_run(next(Path("saved").glob("*.pth"))) as it:
        assert names_in(gather(it, say=lambda text: None)) == ["GRU4RecKG", "Pop", "GeneratorFrequency", "GeneratorKNN"]
