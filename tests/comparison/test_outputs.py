"""From runs to tables: means, deviations, significance and files, on results of the test's choosing."""

import numpy as np
import pytest
from scipy import stats

from recbole_hail.comparison.context import Context
from recbole_hail.comparison.outputs import hardly_begun, make_tables, short_lists, write_files
from recbole_hail.comparison.results import read_result
from recbole_hail.comparison.runs import RunFolder
from recbole_hail.comparison.tabulate import differences_of
from recbole_hail.errors import UserError
from recbole_hail.evaluation.kept_ranks import KeptRanks


@pytest.fixture
def folder(plan, tmp_path):
    return RunFolder(tmp_path / "out", plan.shared)


def places(higher):
    """Ranks of one view, [N, 1, 3], from how many candidates stand above each target."""
    higher = np.asarray(higher)
    return np.stack([higher, 0 * higher, 0 * higher + 9], axis=-1)[:, None]


@pytest.fixture
def ranks(plan):
    """Of every run, for 120 generators: SASRec is nearly always better than the others."""
    rows, draw = plan.rows, np.random.default_rng(0)
    return {
        rows["SASRec"][0]: draw.integers(0, 2, 120),
        rows["SASRec"][1]: draw.integers(0, 3, 120),
        rows["Pop"][0]: draw.integers(2, 9, 120),
        rows["mean"][0]: draw.integers(0, 4, 120),
        rows["mean"][1]: draw.integers(0, 4, 120),
    }


def differences(plan, folder):
    """The table of differences to Pop."""
    context = Context("made", plan.config, plan.seeds, "", "t")
    metrics = list(context.metrics)
    results = {
        label: [read_result(folder.path(run), plan.config, metrics) for run in runs]
        for label, runs in plan.rows.items()
    }
    return differences_of(results, "Pop", context)


def test_the_cells_by_hand(plan, folder, ranks, write_run):
    for run, higher in ranks.items():
        write_run(folder.path(run), places(higher), **{"training seconds": 10.0 * run.seed})
    (table,) = make_tables(plan, folder, "wilcoxon")
    assert [column.name for column in table.columns] == ["HR@1", "MRR", "steps", "training s", "parameters"]
    values = {label: np.stack([1 / (1 + ranks[run]) for run in runs]) for label, runs in plan.rows.items()}  # [S, 120]
    sas, pop, mean = (table.rows[label][1] for label in plan.rows)
    for cell, label in ((sas, "SASRec"), (mean, "mean")):
        assert cell.mean == pytest.approx(values[label].mean())
        assert cell.sd == pytest.approx(values[label].mean(axis=1).std(ddof=1))
        assert cell.low < cell.mean < cell.high
    assert pop.sd is None
    best = values["SASRec"].mean(axis=0)
    pop_values, mean_values = (values[label].mean(axis=0) for label in ("Pop", "mean"))
    differences = np.round([best - pop_values, best - mean_values, pop_values - mean_values], 12)
    p_pop, p_mean, p_others = (stats.wilcoxon(d[d != 0]).pvalue for d in differences)
    assert p_pop < min(p_mean, p_others)
    assert (sas.p, sas.differs) == (None, False)
    assert pop.p == pytest.approx(3 * p_pop) and pop.differs, "Holm: the smallest of three counts threefold"
    times = 2 if p_mean < p_others else 1
    assert mean.p == pytest.approx(min(max(times * p_mean, 3 * p_pop, 0 if times == 2 else 2 * p_others), 1))
    seconds = table.rows["SASRec"][3]
    assert seconds.mean == 15 and seconds.sd == pytest.approx(np.std([10, 20], ddof=1))


def test_differences_by_hand(plan, folder, write_run):
    """SASRec gains a quarter of a reciprocal rank with either seed, the ensemble as much with one seed alone."""
    half = np.repeat([0, 1], 60)
    (first, second), (pop,), (one, other) = plan.rows.values()
    for run, higher in {first: half, second: 1 - half, pop: half * 0 + 1, one: half * 0 + 1, other: half * 0}.items():
        write_run(folder.path(run), places(higher))
    table = differences(plan, folder)
    assert list(table.rows) == ["SASRec", "mean"]
    sas, mean = (table.rows[label][1] for label in table.rows)
    assert (sas.mean, sas.sd, sas.low, sas.high, sas.differs) == (0.25, 0.0, 0.25, 0.25, True)
    assert mean.mean == 0.25 and mean.sd == pytest.approx(0.5 / np.sqrt(2)) and mean.low < 0 and not mean.differs


def test_differences_to_what_was_ranked_among_other_lists_are_refused(plan, folder, ranks, write_run):
    for run, higher in ranks.items():
        other = {"candidates": {"protocol": "strict", "drawn": 99, "seed": 7, "hash": "def"}}
        write_run(folder.path(run), places(higher), **(other if run.spec.model == "Pop" else {}))
    with pytest.raises(UserError, match="same lists"):
        differences(plan, folder)


def test_only_what_is_clear_after_correction_is_marked(plan, folder, write_run):
    """Of two rivals that are each worse with p < 0.05, neither is told from the best once all pairs are counted."""
    worse = np.zeros(120, dtype=int)
    worse[:6] = 1  # six of a kind: the signed-rank test has p = 2 * 2^-6
    for run in (run for runs in plan.rows.values() for run in runs):
        write_run(folder.path(run), places(0 * worse if run.spec.model == "SASRec" else worse))
    (table,) = make_tables(plan, folder, "wilcoxon")
    for label in ("Pop", "mean"):
        cell = table.rows[label][1]
        assert cell.p == pytest.approx(3 * 2 * 2**-6) and not cell.differs


def test_the_best_of_each_metric_is_tested_against_wherever_it_stands(plan, folder, write_run):
    """Where the first row was tested against instead, no test had failed."""
    often_first = np.where(np.arange(120) % 5 < 2, 0, 8)  # best by HR@1
    never_far = np.where(np.arange(120) % 10, 1, 0)  # best by MRR
    for label, higher in {"SASRec": np.arange(120) % 4 + 5, "Pop": often_first, "mean": never_far}.items():
        for run in plan.rows[label]:
            write_run(folder.path(run), places(higher), model=run.spec.model)
    (table,) = make_tables(plan, folder, "t")
    tested = {label: [cell.p is not None for cell in cells[:2]] for label, cells in table.rows.items()}
    assert tested == {"SASRec": [True, True], "Pop": [False, True], "mean": [True, False]}
    assert all(cell.differs for cell in table.rows["SASRec"][:2])


def test_what_was_trained_once_is_not_marked(plan, folder, ranks, write_run):
    """Two trainings of one system differ about as much as many a pair of systems; rules are the same every time."""
    plan.seeds[:] = [1]
    for label in ("SASRec", "mean"):
        plan.rows[label] = plan.rows[label][:1]
    for run, higher in ranks.items():
        write_run(folder.path(run), places(higher), model=run.spec.model)
    (table,) = make_tables(plan, folder, "t")
    assert not any(cell.differs or cell.p is not None for cells in table.rows.values() for cell in cells)
    assert "what was trained once, with one seed, has no mark" in table.caption
    (table,) = make_tables(plan, folder, "bootstrap")
    assert table.rows["Pop"][1].differs and "of these trainings" in table.caption


def test_the_caption_says_what_was_done(plan, folder, ranks, write_run):
    for run, higher in ranks.items():
        write_run(folder.path(run), places(higher))
    (table,) = make_tables(plan, folder, "bootstrap")
    for part in (
        "120 generators",
        "strict 99, seed 2020, lists abc, ties half",
        "seeds 1, 2",
        "paired bootstrap",
        "Holm-corrected over all pairs of models",
    ):
        assert part in table.caption
    assert table.constants["candidates"] == "strict 99, seed 2020, lists abc, ties half"


def test_captions_say_where_generators_of_several_questions_count_as_one(plan, folder, ranks, write_run):
    """A run's own numbers are means over questions: under a random split they are others than the table's."""
    for run, higher in ranks.items():
        write_run(folder.path(run), places(higher))
    said = "120 generators (each counts as one, however many questions it has)"
    for split, several in (({"LS": "valid_and_test"}, False), ({"RS": [0.8, 0.1, 0.1]}, True)):
        plan.config["eval_args"]["split"] = split
        (table,) = make_tables(plan, folder, "t")
        assert (said in table.caption) == (said in differences(plan, folder).caption) == several


def test_short_lists_are_told_of_in_the_caption_and_once(plan, folder, ranks, write_run):
    """The protocols' page promises a warning, which stood in the runs' logs alone."""
    shortage = "candidates: popular finds fewer than 99 for 7 of 120 targets: 0 have none and are left out"
    lists = {"protocol": "popular", "drawn": 99, "seed": 2020, "hash": "abc"}
    for run, higher in ranks.items():
        write_run(folder.path(run), places(higher), candidates={**lists, "shortage": shortage})
    (table,) = make_tables(plan, folder, "t")
    assert table.caption.endswith(f". Short lists: {shortage.removeprefix('candidates: ')}.")
    assert short_lists(plan, folder, (None,)) == [shortage]
    assert "Short lists: popular" in differences(plan, folder).caption


def test_short_lists_of_a_protocol_beside_that_of_the_training_are_told_of(plan, folder, ranks, write_run):
    plan.shared.settings["candidates"] = "strict"
    for run, higher in ranks.items():
        write_run(folder.path(run), places(higher))
        lists = {"protocol": "paper", "drawn": 99, "seed": 2020, "hash": "def", "shortage": "candidates: paper finds"}
        own = KeptRanks.read(folder.path(run) / "ranks.npz")
        own._replace(candidates=lists).write(folder.path(run) / "ranks.paper.npz")
    assert short_lists(plan, folder, (None, "paper", "full")) == ["candidates: paper finds"]
    assert "Short lists" not in make_tables(plan, folder, "t")[0].caption
    assert "Short lists: paper finds." in make_tables(plan, folder, "t", "paper")[0].caption


def test_repeat_and_new_targets_have_tables_of_their_own(plan, folder, ranks, write_run):
    repeat = np.arange(120) < 45
    for run, higher in ranks.items():
        write_run(folder.path(run), places(higher), repeat=repeat)
    tables = make_tables(plan, folder, "wilcoxon")
    assert [(t.constants["targets"], t.constants["generators"]) for t in tables] == [
        ("all", "120"),
        ("repeat", "45"),
        ("new", "75"),
    ]
    expected = np.mean(1 / (1 + ranks[plan.rows["Pop"][0]][:45]))
    assert tables[1].rows["Pop"][1].mean == pytest.approx(expected)


def test_models_are_compared_over_the_generators_that_all_were_asked_about(plan, folder, ranks, write_run):
    for run, higher in ranks.items():
        asked = slice(0, 90) if run.spec.model == "Pop" else slice(15, 120)
        write_run(folder.path(run), places(higher[asked]), generators=[f"g{row}" for row in range(120)][asked])
    (table,) = make_tables(plan, folder, "wilcoxon")
    assert table.constants["generators"] == "75"
    assert table.rows["Pop"][1].mean == pytest.approx(np.mean(1 / (1 + ranks[plan.rows["Pop"][0]][15:90])))


def test_models_that_were_ranked_among_other_lists_are_refused(plan, folder, ranks, write_run):
    for run, higher in ranks.items():
        other = {"candidates": {"protocol": "strict", "drawn": 99, "seed": 7, "hash": "def"}}
        write_run(folder.path(run), places(higher), **(other if run.spec.model == "Pop" else {}))
    with pytest.raises(UserError, match="same lists, abc, but Pop def; leave these"):
        make_tables(plan, folder, "wilcoxon")


def test_a_model_with_a_seed_missing_is_in_no_table(plan, folder, ranks, write_run):
    for run, higher in list(ranks.items())[:-1]:
        write_run(folder.path(run), places(higher))
    (table,) = make_tables(plan, folder, "wilcoxon")
    assert list(table.rows) == ["SASRec", "Pop"]


def test_the_files(plan, folder, ranks, write_run):
    for run, higher in ranks.items():
        write_run(folder.path(run), places(higher), repeat=np.arange(120) < 45)
    tables = make_tables(plan, folder, "wilcoxon")
    written = write_files(plan, tables, folder.output)
    assert [path.name for path in written] == ["table.txt", "table.csv", "table.md", "table.tex", "chart.png"]
    assert written[0].read_text().count("lists abc") == 3
    assert written[3].read_text().count(r"\begin{table*}") == 3
    assert len(written[1].read_text().splitlines()) == 1 + 3 * len(plan.rows)


@pytest.mark.parametrize(
    "minutes, steps, batch, warned",
    [(5, 37, 2048, True), (5, 200, 2048, False), (5, 37, 256, False), (None, 37, 2048, False)],
)
def test_a_model_of_recboles_that_took_a_few_steps_is_told_of(plan, folder, write_run, minutes, steps, batch, warned):
    """SASRec had 37 steps of 2,048 rows beside HAIL's 2,000, and its row said nothing of that."""
    plan.config["max_minutes"] = minutes
    plan.settings.update({runs[0].spec: {"train_batch_size": batch} for runs in plan.rows.values()})
    for run in [run for runs in plan.rows.values() for run in runs]:
        write_run(folder.path(run), places([0]), steps=steps)
    found = hardly_begun(plan, folder)
    assert [text[:34] for text in found] == ["SASRec took 37 steps of up to 2,04"] * warned
