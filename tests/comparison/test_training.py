"""From runs to tables: means, deviations, significance and files, on results of the test's choosing."""

from functools import partial
from types import SimpleNamespace

import numpy as np
import pytest
from recbole.config import Config
from scipy import stats

from recbole_hail.comparison import jobs
from recbole_hail.comparison.jobs import RunFailed
from recbole_hail.comparison.notation import ModelSpec
from recbole_hail.comparison.plan import Plan
from recbole_hail.comparison.runs import Run, RunFolder, Shared
from recbole_hail.comparison.training import make_tables, train_missing, write_files
from recbole_hail.errors import UserError

ROWS = {
    "SASRec": [Run(ModelSpec("SASRec"), 1), Run(ModelSpec("SASRec"), 2)],
    "Pop": [Run(ModelSpec("Pop"), 1)],
    "mean": [Run(ModelSpec("HAIL", members=2), seed, (Run(ModelSpec("HAIL"), seed),)) for seed in (1, 2)],
}


@pytest.fixture
def plan(workplace):
    settings = {"metrics": ["Hit", "MRR"], "topk": [1], "valid_metric": "MRR", "eval_args": {"order": "TO"}}
    config = Config("Pop", "made", config_dict=settings)
    return Plan(Shared("made", "0123", {}, {}), config, dict(ROWS), [1, 2])


@pytest.fixture
def folder(plan, tmp_path):
    return RunFolder(tmp_path / "out", plan.shared)


def places(higher):
    """Ranks of one view, [N, 1, 3], from how many candidates stand above each target."""
    higher = np.asarray(higher)
    return np.stack([higher, 0 * higher, 0 * higher + 9], axis=-1)[:, None]


@pytest.fixture
def ranks():
    """Of every run, for 120 generators: SASRec is nearly always better than the others."""
    draw = np.random.default_rng(0)
    return {
        ROWS["SASRec"][0]: draw.integers(0, 2, 120),
        ROWS["SASRec"][1]: draw.integers(0, 3, 120),
        ROWS["Pop"][0]: draw.integers(2, 9, 120),
        ROWS["mean"][0]: draw.integers(0, 4, 120),
        ROWS["mean"][1]: draw.integers(0, 4, 120),
    }


def test_the_cells_by_hand(plan, folder, ranks, write_run):
    for run, higher in ranks.items():
        write_run(folder.path(run), places(higher), **{"training seconds": 10.0 * run.seed})
    (table,) = make_tables(plan, folder, "wilcoxon")
    assert [column.name for column in table.columns] == ["HR@1", "MRR", "steps", "training s", "parameters"]
    values = {label: np.stack([1 / (1 + ranks[run]) for run in runs]) for label, runs in ROWS.items()}  # [S, 120]
    sas, pop, mean = (table.rows[label][1] for label in ROWS)
    for cell, label in ((sas, "SASRec"), (mean, "mean")):
        assert cell.mean == pytest.approx(values[label].mean())
        assert cell.sd == pytest.approx(values[label].mean(axis=1).std(ddof=1))
        assert cell.low < cell.mean < cell.high
    assert pop.sd is None
    best = values["SASRec"].mean(axis=0)
    differences = (best - values[label].mean(axis=0) for label in ("Pop", "mean"))
    p_pop, p_mean = (stats.wilcoxon(d[d != 0]).pvalue for d in np.round(list(differences), 12))
    assert p_pop < p_mean
    assert (sas.p, sas.differs) == (None, False)
    assert pop.p == pytest.approx(2 * p_pop) and pop.differs, "Holm: the smaller of two counts double"
    assert mean.p == pytest.approx(max(p_mean, 2 * p_pop))
    seconds = table.rows["SASRec"][3]
    assert seconds.mean == 15 and seconds.sd == pytest.approx(np.std([10, 20], ddof=1))


def test_only_what_is_clear_after_correction_is_marked(plan, folder, write_run):
    """Of two rivals that are each worse with p < 0.05, neither is told apart from the best once both are counted."""
    worse = np.zeros(120, dtype=int)
    worse[:6] = 1  # six of a kind: the signed-rank test has p = 2 * 2^-6
    for run in (run for runs in ROWS.values() for run in runs):
        write_run(folder.path(run), places(0 * worse if run.spec.model == "SASRec" else worse))
    (table,) = make_tables(plan, folder, "wilcoxon")
    for label in ("Pop", "mean"):
        cell = table.rows[label][1]
        assert cell.p == pytest.approx(2 * 2 * 2**-6) and not cell.differs


def test_the_caption_says_what_was_done(plan, folder, ranks, write_run):
    for run, higher in ranks.items():
        write_run(folder.path(run), places(higher))
    (table,) = make_tables(plan, folder, "bootstrap")
    for part in (
        "120 generators",
        "strict 99, seed 2020, lists abc, ties half",
        "seeds 1, 2",
        "paired bootstrap",
        "Holm",
    ):
        assert part in table.caption
    assert table.constants["candidates"] == "strict 99, seed 2020, lists abc, ties half"


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
    expected = np.mean(1 / (1 + ranks[ROWS["Pop"][0]][:45]))
    assert tables[1].rows["Pop"][1].mean == pytest.approx(expected)


def test_models_are_compared_over_the_generators_that_all_were_asked_about(plan, folder, ranks, write_run):
    for run, higher in ranks.items():
        asked = slice(0, 90) if run.spec.model == "Pop" else slice(15, 120)
        write_run(folder.path(run), places(higher[asked]), generators=[f"g{row}" for row in range(120)][asked])
    (table,) = make_tables(plan, folder, "wilcoxon")
    assert table.constants["generators"] == "75"
    assert table.rows["Pop"][1].mean == pytest.approx(np.mean(1 / (1 + ranks[ROWS["Pop"][0]][15:90])))


def test_models_that_were_ranked_among_other_lists_are_refused(plan, folder, ranks, write_run):
    for run, higher in ranks.items():
        other = {"candidates": {"test": {"protocol": "strict", "drawn": 99, "seed": 7, "hash": "def"}}}
        write_run(folder.path(run), places(higher), **(other if run.spec.model == "Pop" else {}))
    with pytest.raises(UserError, match=r"same lists \(SASRec abc, Pop def\)"):
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
    assert written[3].read_text().count(r"\begin{table}") == 3
    assert len(written[1].read_text().splitlines()) == 1 + 3 * len(ROWS)


class Trainer:
    """Stands in for a folder of runs."""

    def __init__(self, fails=()):
        self.there, self.fails, self.tried, self.most, self.abandoned = set(), fails, [], 0, []
        self._under_way = set()

    def path(self, run):
        return run

    def has(self, run):
        return run in self.there

    def training(self, run, share):
        self.tried.append(run)
        self._under_way.add(run)
        self.most = max(self.most, len(self._under_way))
        abandon = partial(self.abandoned.append, run)
        return SimpleNamespace(child=SimpleNamespace(sentinel=run), end=partial(self._end, run), abandon=abandon)

    def _end(self, run):
        self._under_way.remove(run)
        if run in self.fails:
            raise RunFailed(f"{run} failed")
        self.there.add(run)


@pytest.fixture(autouse=True)
def ends(monkeypatch):
    """Whichever of the runs under way began first ends first, but for those in this list, which end last."""
    late = []
    monkeypatch.setattr(jobs, "wait", lambda under_way: sorted(under_way, key=late.__contains__))
    return late


def placed(plan, folder):
    return [(folder, run) for run in plan.runs]


def test_what_is_there_is_not_trained_again(plan):
    trainer, said = Trainer(), []
    assert train_missing(placed(plan, trainer), said.append) == []
    assert trainer.tried == plan.runs and len(plan.runs) == 7
    again = []
    assert train_missing(placed(plan, trainer), again.append) == []
    assert trainer.tried == plan.runs and all("there already" in line for line in again)


def test_a_failure_costs_its_model_and_what_needs_it(plan):
    part = ROWS["mean"][1].parts[0]
    failures = train_missing(placed(plan, trainer := Trainer(fails=[part])), lambda text: None)
    assert failures == ["HAIL, seed 2 failed", "mean of 2 HAIL, seed 2 needs HAIL, seed 2"]
    assert set(plan.runs) - trainer.there == {part, ROWS["mean"][1]}


def test_a_failure_of_the_first_run_ends_the_comparison(plan):
    with pytest.raises(RunFailed):
        train_missing(placed(plan, trainer := Trainer(fails=plan.runs[:1])), lambda text: None)
    assert trainer.tried == plan.runs[:1]


def test_several_runs_at_a_time_and_a_mean_after_its_parts(plan, ends):
    """The part of the first mean ends last, so the second mean, whose part is done, goes before it."""
    ends.append(ROWS["mean"][0].parts[0])
    trainer = Trainer()
    assert train_missing(placed(plan, trainer), lambda text: None, at_once=2) == []
    assert trainer.there == set(plan.runs) and trainer.most == 2 and not trainer.abandoned
    order = trainer.tried
    assert all(order.index(mean) > order.index(mean.parts[0]) for mean in ROWS["mean"])
    assert order[-2:] == [*ROWS["mean"][::-1]]


def test_a_first_run_that_fails_ends_nothing_while_another_may_work(plan):
    first = plan.runs[0]
    trainer = Trainer(fails=[first])
    failures = train_missing(placed(plan, trainer), lambda text: None, at_once=2)
    assert failures == [f"{first} failed"] and trainer.there == set(plan.runs) - {first}


def test_where_all_fail_that_began_together_nothing_else_is_begun(plan):
    trainer = Trainer(fails=plan.runs)
    with pytest.raises(RunFailed, match=str(plan.runs[1])):
        train_missing(placed(plan, trainer), lambda text: None, at_once=2)
    assert trainer.tried == plan.runs[:2]


def test_runs_under_way_are_abandoned_where_the_command_is_interrupted(plan, monkeypatch):
    def interrupt(under_way):
        raise KeyboardInterrupt

    monkeypatch.setattr(jobs, "wait", interrupt)
    trainer = Trainer()
    with pytest.raises(KeyboardInterrupt):
        train_missing(placed(plan, trainer), lambda text: None, at_once=2)
    assert trainer.abandoned == trainer.tried == plan.runs[:2]
