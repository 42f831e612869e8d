"""From kept runs to the tables, charts and files of experiments; results are of the test's choosing."""

import csv

import numpy as np
import pytest

from recbole_hail.comparison.notation import UNTRAINED
from recbole_hail.evaluation.kept_ranks import KeptRanks
from recbole_hail.experiments import consistency, outputs
from recbole_hail.experiments.controls import controls
from recbole_hail.experiments.figures import fig1b, fig4, peers, table3
from recbole_hail.experiments.outputs import write_outputs
from recbole_hail.experiments.sections import sections_of
from recbole_hail.experiments.sweep import Sweep

QUESTIONS = 150


@pytest.fixture
def sweep(cyclic, fixed_costs, budget, config_of):
    return Sweep("cyclic", budget, ["small.yaml"], {}, cyclic / "experiments", config_of)


@pytest.fixture
def finish(sweep, write_run):
    """Places experiments and writes results for all of their runs, under both protocols; those written, by run."""
    draw = np.random.default_rng(0)

    def make(*experiments, leave_out=()):
        sweep.place(list(experiments), lambda text: None)
        higher = {}
        for folder, run in sweep.jobs():
            if str(run) in leave_out:
                continue
            alone = run.spec.model != "HAIL" or run.members or dict(run.spec.settings).get("peers") == "1"
            views = ["model"] if alone else ["peer 1", "peer 2", "mean"]
            places = higher[folder.output.name, str(run)] = draw.integers(0, 6, (QUESTIONS, len(views)))
            ranks = np.stack([places, 0 * places, 0 * places + 99], axis=-1)
            points = [{"step": 7, "agreement": {"all right": 0.1, "some right": 0.1 * run.seed, "none right": 0.5}}]
            write_run(folder.path(run), ranks, views=views, curve=None if alone else points, steps=93)
            kept = KeptRanks.read(folder.path(run) / "ranks.npz")
            kept._replace(candidates={"protocol": "paper", "hash": "def"}).write(folder.ranks(run, "paper"))
        return higher

    return make


def values(higher, folder, label, seeds=(1, 2), view=-1):
    """Reciprocal ranks [seeds, generators in the order of their names]."""
    order = np.argsort([f"g{row}" for row in range(QUESTIONS)])
    return np.stack([1 / (1 + higher[folder, f"{label}, seed {seed}"][order, view]) for seed in seeds])


def test_controls_have_a_table_and_differences_to_med_under_both_protocols(sweep, finish, budget):
    (experiment,) = controls(["main"], budget)
    higher = finish(experiment)
    strict, paper = sections_of(sweep, experiment, "wilcoxon")
    assert (strict.title, paper.title) == ("T = 2, candidates strict", "T = 2, candidates paper")
    metrics, differences = strict.tables
    assert next(iter(metrics.rows)) == "MED, 100 steps" and list(metrics.rows)[-6:] == list(UNTRAINED)
    assert "MED, 100 steps" not in differences.rows and set(differences.rows) < set(metrics.rows)
    mrr = [column.name for column in differences.columns].index("MRR")
    cell = differences.rows["one network, 200 steps (equal time)"][mrr]
    by_hand = values(higher, "steps-200", "HAIL (peers=1)") - values(higher, "steps-100", "HAIL")
    assert cell.mean == pytest.approx(by_hand.mean()) and cell.low < cell.mean < cell.high
    assert cell.sd == pytest.approx(by_hand.mean(axis=1).std(ddof=1)), "paired by seed"
    assert cell.differs == (not cell.low <= 0 <= cell.high)
    assert "Mean of seeds 1, 2 ± sd of the seeds' differences, [95 %" in differences.caption
    of_seeds = values(higher, "steps-100", "HAIL").mean(axis=1)
    assert differences.rows["Pop"][mrr].sd == pytest.approx(of_seeds.std(ddof=1)), "a rule is one for all seeds"
    assert strict.shown.rows == {label: cells for label, cells in differences.rows.items() if label not in UNTRAINED}
    record = strict.runs[1]
    assert (record["system"], record["seed"], record["steps"]) == ("MED, 100 steps", 2, 93), "those that were taken"
    assert record["group"] == "T = 2", "T = 3 may have rows of the same name"
    assert record["MRR"] == pytest.approx(values(higher, "steps-100", "HAIL")[1].mean())
    assert record["training seconds"] == 1.0


def test_differences_of_one_seed_are_no_means(sweep, finish, budget):
    """Their caption said "Mean of seeds 1 ± sd of the seeds' differences"."""
    budget.seeds[:] = [3]
    (experiment,) = controls(["main"], budget)
    finish(experiment)
    differences = sections_of(sweep, experiment, "wilcoxon")[0].tables[1]
    assert ". Seed 3, [95 % t interval over generators, paired]; what was trained once" in differences.caption
    assert not any(cell.differs for cells in differences.rows.values() for cell in cells)
    assert all(cell.sd is None for cells in differences.rows.values() for cell in cells)


def test_a_row_with_a_run_missing_is_left_out(sweep, finish, budget):
    (experiment,) = controls(["main"], budget)
    finish(experiment, leave_out=["HAIL (distillation=mimicry), seed 2"])
    metrics = sections_of(sweep, experiment, "wilcoxon")[0].tables[0]
    assert not [label for label in metrics.rows if label.startswith("mimicry")] and len(metrics.rows) == 5 + len(
        UNTRAINED
    )


def test_without_med_there_are_no_differences_and_no_picture_of_them(sweep, finish, budget, tmp_path):
    (experiment,) = controls(["main"], budget)
    finish(experiment, leave_out=["HAIL, seed 1"])
    sections = sections_of(sweep, experiment, "wilcoxon")
    assert [len(section.tables) for section in sections] == [1, 1]
    written = write_outputs(sweep, experiment, sections, tmp_path / "out", "recbole-hail paper controls")
    assert [path.suffix for path in written] == [".md", ".csv", ".tex", ".csv"]
    assert "![" not in written[0].read_text()


def test_peers_answer_apart_and_the_papers_numbers_stand_under_its_protocol_alone(sweep, finish, budget, monkeypatch):
    known = {"mimicry": {"MRR": 0.5}, "MED": {"MRR": 0.25}}
    monkeypatch.setattr("recbole_hail.experiments.published.table3", lambda dataset: known)
    experiment = table3("cyclic", budget)
    higher = finish(experiment)
    strict, paper = (section.tables[0] for section in sections_of(sweep, experiment, "wilcoxon"))
    mrr = [column.name for column in strict.columns].index("MRR")
    first = values(higher, "steps-100", "HAIL", view=0).mean()
    assert strict.rows["MED M1"][mrr].mean == pytest.approx(first)
    assert paper.rows["MED M1"][mrr].published == 0.25
    assert paper.rows["MED M1"][mrr].off == pytest.approx(100 * (first / 0.25 - 1))
    assert {cell.published for cells in strict.rows.values() for cell in cells} == {None}
    assert paper.rows["MED, mean of its peers"][mrr].published is None


def test_inconsistent_answers_of_peers_and_of_independent_networks(sweep, finish, budget):
    experiment = fig1b("cyclic", budget)
    higher = finish(experiment)
    strict, _, course = sections_of(sweep, experiment, "wilcoxon")
    (table,) = strict.tables
    assert list(table.rows) == [
        "MED",
        "mimicry",
        "2 networks, cross-entropy only",
        "2 independent networks",
    ]
    first = [higher["steps-100", f"HAIL, seed {seed}"][:, :2] == 0 for seed in (1, 2)]
    expected = np.mean([right.any(axis=1) & ~right.all(axis=1) for right in first])
    assert table.rows["MED"][1].mean == pytest.approx(expected)
    alone = [
        [higher["steps-100", f"HAIL (peers=1), seed {seed + 1000 * member}"][:, 0] == 0 for member in (0, 1)]
        for seed in (1, 2)
    ]
    expected = np.mean([one != other for one, other in alone])
    assert table.rows["2 independent networks"][1].mean == pytest.approx(expected)
    (over_training,) = course.tables
    assert over_training.rows["MED, after 7 steps"][1].mean == pytest.approx(0.15)
    assert len(over_training.rows) == 3, "single networks have no peers to disagree with"


def test_the_interval_of_inconsistent_answers_is_that_of_their_mean_over_seeds():
    """Seeds that answer opposite questions leave no doubt about the mean."""
    right = np.arange(100) % 2 == 0
    (cell,) = consistency._cells(np.stack([right, ~right])[..., None])
    assert (cell.mean, cell.low, cell.high) == (0.5, 0.5, 0.5)


def test_before_any_run_there_are_no_answers_and_no_section(sweep, budget):
    experiment = fig1b("cyclic", budget)
    sweep.place([experiment], lambda text: None)
    assert sections_of(sweep, experiment, "wilcoxon") == []


def test_the_picture_of_inconsistent_answers_says_what_its_lines_are(sweep, finish, budget, tmp_path, monkeypatch):
    """It said what those of metrics are: intervals over generators, and diamonds, of which it has none."""
    told = {}
    monkeypatch.setattr(outputs, "panels_chart", lambda *given, **named: told.update(named))
    experiment = fig1b("cyclic", budget)
    finish(experiment)
    sections = [section for section in sections_of(sweep, experiment, "wilcoxon") if section.title != "Over training"]
    write_outputs(sweep, experiment, sections, tmp_path / "out" / "x", "recbole-hail paper x")
    assert "over questions" in told["whiskers"] and "diamonds" not in told["whiskers"]


def test_cost_of_peers_against_one_network(sweep, finish, budget, monkeypatch):
    monkeypatch.setattr("recbole_hail.experiments.published.cost_of_two_peers", lambda dataset: 17 / 9)
    experiment = peers("cyclic", budget)
    finish(experiment)
    cost = sections_of(sweep, experiment, "wilcoxon")[-1].tables[0]
    times = {label: cells[1] for label, cells in cost.rows.items()}
    assert times["T = 2"].mean == pytest.approx(2) and times["T = 2"].published == 17 / 9
    assert times["T = 4"].mean == pytest.approx(4) and times["T = 4"].published is None
    assert times["T = 2, [causal,gru]"].mean == pytest.approx(2) and "Pop" not in times


@pytest.mark.parametrize("make", [fig4, fig1b, lambda _, budget: controls(["main"], budget)[0]])
def test_the_files_name_their_command_and_hold_every_run(sweep, finish, budget, tmp_path, make):
    experiment = make("cyclic", budget)
    finish(experiment)
    sections = sections_of(sweep, experiment, "wilcoxon")
    written = write_outputs(sweep, experiment, sections, tmp_path / "out" / "cyclic-x-100", "recbole-hail paper x")
    ends = [".md", ".csv", ".tex", ".png", *[".runs.csv"] * (make is not fig1b)]
    assert [path.name for path in written] == [f"cyclic-x-100{end}" for end in ends]
    text = written[0].read_text()
    assert "```\nrecbole-hail paper x\n```" in text and "(cyclic-x-100.png)" in text
    assert all(f"## {section.title}" in text for section in sections)
    tables = [table for section in sections for table in section.tables]
    with open(written[1]) as file:
        assert len(list(csv.DictReader(file))) == sum(len(table.rows) for table in tables)
    assert written[2].read_text().count(r"\begin{table*}") == len(tables)
    assert written[3].read_bytes().startswith(b"\x89PNG")
    for runs in written[4:]:
        with open(runs) as file:
            assert len(list(csv.DictReader(file))) == sum(len(section.runs) for section in sections)
