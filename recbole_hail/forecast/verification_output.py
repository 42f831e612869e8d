"""What came true of forecasts, as text, CSV and JSON."""

from dataclasses import asdict

from recbole_hail.evaluation.estimates import Estimate
from recbole_hail.evaluation.significance import FEW
from recbole_hail.forecast.forecaster import Forecaster
from recbole_hail.forecast.output import counted, csv_text, json_text
from recbole_hail.forecast.selection import with_counts
from recbole_hail.forecast.verification import METRICS, Verification
from recbole_hail.forecast.verification_tables import VerificationTable
from recbole_hail.tables.forms import aligned

_TITLES = dict(zip(METRICS, ("right first", "in the first 5", "in the first 10", "MRR"), strict=True))
_COLUMNS = {metric: title.replace("in the ", "").replace(" ", "_").lower() for metric, title in _TITLES.items()}
_OF = {"next": "the next event of each generator", "all": "every newer event"}


def caption(forecaster: Forecaster, found: Verification) -> list[str]:
    """Lines on what was asked of which model, and on what could not be asked or answered."""
    config, days = forecaster.trained.config, forecaster.days
    of_dataset = f"; {config['dataset']} has events from {' to '.join(days)}" if days else ""
    of_events = f", {' to '.join(found.days)}" if found.days else ""
    generators = len(set(found.generators))
    lines = [
        f"{config['model']}, trained on {config['dataset']}, {forecaster.trained.file}",
        f"asked for {counted(len(found.place), 'newer event')} of {counted(generators, 'generator')}{of_events}"
        f"{of_dataset}",
    ]
    if unknown := found.unknown:
        named = with_counts(forecaster.elements, unknown)
        lines.append(f"counted as misses: {counted(unknown.total())} whose element the model does not know: {named}")
    if left_out := found.left_out:
        lines.append(
            f"left out: {counted(left_out.total())} of {counted(len(left_out), 'generator')} not in the training data: "
            + with_counts(forecaster.generators, left_out)
        )
    return lines


def conclusions(found: Verification, table: VerificationTable) -> list[str]:
    """Sentences: the model beside the better count, and how far its chances can be believed."""
    differences = [_compared(found.model, table, metric) for metric in ("hit@1", "mrr")]
    came_true = table.scores[found.model]["hit@1"].mean
    beyond = {1: ", more than forecast", -1: ", fewer than forecast", 0: ""}[table.came_true_less_chance.side]
    believed = (
        f"{found.model}'s first answers had a chance of {100 * table.chance.mean:.1f} % on average, and "
        f"{100 * came_true:.1f} % of them came true{beyond}"
    )
    few = [f"so few events say little: {table.events}, fewer than {FEW}"] if table.events < FEW else []
    return [*differences, believed, *few]


def as_text(forecaster: Forecaster, found: Verification, of: dict[str, VerificationTable], warning: str | None) -> str:
    """The caption, then a table of the next events and one of all, with what they say below."""
    lines = [*caption(forecaster, found), *[f"warning: {warning}"] * bool(warning)]
    for name, table in of.items():
        if name == "all" and table.events == of["next"].events:
            lines += ["", f"{_OF[name]}: the same, because no generator has two"]
            continue
        lines += ["", f"{_OF[name]} ({table.events:,}), with 95 % intervals over generators"]
        lines += [f"  {line}" for line in [*_grid(table), *conclusions(found, table)]]
    return "\n".join([*lines, ""])


def as_csv(forecaster: Forecaster, found: Verification, of: dict[str, VerificationTable], warning: str | None) -> str:
    """A row for each table and each that was asked; shares lie between 0 and 1."""
    ends = ("", "_low", "_high")
    rows = [["events", "model", "asked", "generators", *(_COLUMNS[metric] + end for metric in METRICS for end in ends)]]
    for name, table in of.items():
        for model, scores in table.scores.items():
            values = [value for metric in METRICS for value in asdict(scores[metric]).values()]
            told = ["" if value is None else f"{value:.6g}" for value in values]
            rows.append([name, model, table.events, table.generators, *told])
    return csv_text(rows)


def as_json(forecaster: Forecaster, found: Verification, of: dict[str, VerificationTable], warning: str | None) -> str:
    """All that is known, and the rank of every event; null where the model does not know its element."""
    config = forecaster.trained.config
    ranks = {name: (each.higher + each.ties / 2 + 1).tolist() for name, each in found.ranks.items()}
    events = [
        {
            "generator": generator,
            "element": element,
            "chance of the first answer": chance,
            "rank": {name: each[row] if known else None for name, each in ranks.items()},
        }
        for row, (generator, element, chance, known) in enumerate(
            zip(found.generators, found.elements, found.chance.tolist(), found.known.tolist(), strict=True)
        )
    ]
    told = {
        "model": config["model"],
        "dataset": config["dataset"],
        "checkpoint": str(forecaster.trained.file),
        "days of the dataset": forecaster.days,
        "days": found.days,
        "warning": warning,
        "unknown elements": dict(found.unknown.most_common()),
        "generators left out": dict(found.left_out.most_common()),
        "tables": {name: {**asdict(table), "said": conclusions(found, table)} for name, table in of.items()},
        "events": events,
    }
    return json_text(told)


FORMATS = {"text": as_text, "csv": as_csv, "json": as_json}


def _grid(table: VerificationTable) -> list[str]:
    rows = [["", *_TITLES.values()]]
    for name, scores in table.scores.items():
        rows.append([name, *(_with_interval(scores[metric], metric) for metric in METRICS)])
    return aligned(rows)


def _with_interval(estimate: Estimate, metric: str) -> str:
    scale, digits, unit = (1, 3, "") if metric == "mrr" else (100, 1, " %")
    mean, *ends = (_rounded(value, scale, digits) for value in (estimate.mean, estimate.low, estimate.high))
    return f"{mean}{unit}" if estimate.low is None else f"{mean}{unit} ({' to '.join(ends)})"


def _compared(model: str, table: VerificationTable, metric: str) -> str:
    """`right first: HAIL is 2.1 points better than Pop (95 % interval +0.4 to +3.9)`."""
    scale, digits, unit = (1, 3, "") if metric == "mrr" else (100, 1, " points")
    count, found = table.differences[metric].count, table.differences[metric].estimate
    mean, *ends = (_rounded(value, scale, digits, "+") for value in (found.mean, found.low, found.high))
    interval = f"95 % interval {' to '.join(ends)}"
    if found.low is None:
        said = f"differs by {mean}{unit} from {count}; one generator says nothing of others"
    elif not found.side:
        said = f"cannot be told apart from {count} ({mean}{unit}, {interval})"
    else:
        said = f"is {mean[1:]}{unit} {'better' if found.side > 0 else 'worse'} than {count} ({interval})"
    return f"{_TITLES[metric]}: {model} {said}"


def _rounded(value: float | None, scale: int, digits: int, sign: str = "") -> str:
    return "" if value is None else f"{scale * value:{sign}.{digits}f}"
