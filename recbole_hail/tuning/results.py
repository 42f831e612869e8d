"""What a search leaves behind: a table of its trials, a plot, RecBole's text of results, and the best settings."""

from pathlib import Path

import yaml
from recbole.trainer import HyperTuning
from recbole.utils import dict2str

from recbole_hail.evaluation.metrics import of_all_targets
from recbole_hail.files import write_text
from recbole_hail.settings import MAY_DIFFER, converted, given
from recbole_hail.tables.forms import aligned, markdown_text, pipe_table
from recbole_hail.tables.table import records_to_csv
from recbole_hail.training.checkpoints import plain
from recbole_hail.tuning.plots import slice_plot
from recbole_hail.tuning.search import Search
from recbole_hail.tuning.trials import FINISHED, Trial

CHOSEN = "chosen"
TABLES, BEST = ("table.txt", "table.csv", "table.md"), "best.yaml"


def write_results(search: Search, output_file: Path, plot: Path) -> list[Path]:
    """Table as text, CSV and Markdown, plot, RecBole's text and `best.yaml`; returns the paths of what there is."""
    header, rows = _grid(search)
    folder = search.folder.path
    values = records_to_csv([dict(zip(header, row, strict=True)) for row in rows])
    tables = table_text(search), values, _markdown(search, header, rows)
    texts = {folder / name: text for name, text in zip(TABLES, tables, strict=True)}
    texts[output_file] = _as_recbole(search)
    if search.best():
        texts[folder / BEST] = _best_settings(search)
    for path, text in texts.items():
        write_text(path, text)
    slice_plot(search, plot)
    return [*texts, plot]


def _grid(search: Search) -> tuple[list[str], list[list]]:
    """Header and a row for each trial, the best by the validation metric first, those without a score last."""
    best, sign = search.best(), -1 if search.bigger else 1
    scored = sorted((t for t in search.trials if t.score is not None), key=lambda t: (t is not best, sign * t.score))
    trials = [*scored, *(trial for trial in search.trials if trial.score is None)]
    tests = _test_metrics(search)
    header = [CHOSEN, "trial", *search.space, f"valid {search.metric}", *(f"test {name}" for name in tests)]
    rows = [
        [
            "*" if trial is best else "",
            search.trials.index(trial) + 1,
            *(trial.settings[name] for name in search.space),
            trial.score,
            *(trial.test.get(name) for name in tests),
            trial.steps,
            trial.seconds,
            trial.status,
        ]
        for trial in trials
    ]
    return [*header, "steps", "seconds", "status"], rows


def _test_metrics(search: Search) -> list[str]:
    """Of all targets; of repeat and new ones only the metric that is searched by."""
    tested = next((trial.test for trial in search.trials if trial.status == FINISHED), {})
    return [name for name in tested if name == search.metric or of_all_targets(name)]


def _caption(search: Search) -> str:
    config = search.config
    return (
        f"{config['model']} on {config['dataset']}, {_counted(search)}, best "
        f"{search.metric} on validation first; * is chosen by it alone. Seconds are of training."
    )


def _counted(search: Search) -> str:
    """A search that is asked for fewer trials than it has keeps them all."""
    done = len(search.trials)
    return f"{done} of {search.total} trials" if done <= search.total else f"{done} trials"


def _cell(value) -> str:
    if isinstance(value, bool) or value is None:
        return "" if value is None else str(value)
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def table_text(search: Search) -> str:
    """The table in aligned columns below its caption."""
    header, rows = _grid(search)
    over, names = zip(*(name.split() if " " in name else ("", name) for name in header), strict=True)
    lines = [list(over), ["", *names[1:]], *([_cell(value) for value in row] for row in rows)]
    lines = aligned(lines, left=())
    rule = "-" * max(map(len, lines))
    return "\n".join([_caption(search), rule, *lines[:2], rule, *lines[2:], rule]) + "\n"


def _markdown(search: Search, header: list[str], rows: list[list]) -> str:
    cells = [[markdown_text(_cell(value)) for value in row] for row in rows]
    return pipe_table(_caption(search), [header, *cells], left=0)


def _as_recbole(search: Search) -> str:
    """The text that RecBole's `HyperTuning.export_result` writes."""
    return "".join(
        f"{HyperTuning.params2str(trial.settings)}\nValid result:\n{dict2str(trial.valid)}\n"
        f"Test result:\n{dict2str(trial.test)}\n\n"
        for trial in search.trials
        if trial.status == FINISHED
    )


def _best_settings(search: Search) -> str:
    """Yaml of the settings that make the best trial again: those that were given, and the searched ones."""
    best: Trial = search.best()
    config = search.config
    fixed = {name: value for name, value in given(config).items() if name not in MAY_DIFFER}
    fixed = plain(converted(fixed))  # as the trials had it, and a file would not
    settings = {name: value for name, value in fixed.items() if name not in ("model", "dataset")} | best.settings
    text = yaml.safe_dump(settings, sort_keys=False, allow_unicode=True, default_flow_style=False)
    return (
        f"# {config['model']} on {config['dataset']}: valid {search.metric} {best.score}, "
        f"the best of {len(search.trials)} trials\n{text}"
    )
