"""What peers cost: seconds and parameters of T networks against one (paper section 5.6)."""

from recbole_hail.comparison.notation import UNTRAINED
from recbole_hail.comparison.results import read_record
from recbole_hail.experiments import published
from recbole_hail.experiments.sweep import Placed, Sweep
from recbole_hail.experiments.systems import hail
from recbole_hail.tables.table import Cell, Column, Table


def cost_table(sweep: Sweep, placed: list[Placed]) -> Table:
    """Seconds of a training step by the calibration, parameters, and how many times those of one network."""
    known = published.cost_of_two_peers(sweep.dataset)
    rows = {}
    for place in placed:
        spec, run = place.row.spec, place.runs[0]
        if spec.model in UNTRAINED or not place.folder.has(run):
            continue
        parameters = read_record(place.folder.path(run))["parameters"]
        times = Cell(sweep.costs.times(spec, hail(peers=1)), published=known if spec == hail() else None)
        rows[place.label] = [Cell(sweep.costs.seconds(spec)), times, Cell(float(parameters))]
    columns = [
        Column("s a step", ".3f", ranked=False),
        Column("times one network", ".2f", ranked=False),
        Column("parameters", ",.0f", ranked=False),
    ]
    caption = (
        f"{sweep.dataset}: seconds of a training step (processor time on one thread of a CPU, else wall time), and how "
        "many steps of one network cost as much, medians over steps that took turns; in parentheses, for ML-1m, the "
        "paper's (17 s a batch against 9 s) and ours off it."
    )
    return Table(caption, columns, rows, {"group": "cost"})
