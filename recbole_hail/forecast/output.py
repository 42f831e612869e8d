"""Forecasts as text, CSV and JSON."""

import csv
import io
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from typing import NamedTuple

from recbole_hail.forecast.forecaster import Forecaster
from recbole_hail.forecast.predictions import Forecast, GroupChance
from recbole_hail.tables.forms import aligned


class Read(NamedTuple):
    """What was read of a file of newer events."""

    file: str
    events: int  # of the generators that are forecast, and of known elements
    until: str | None  # the day of the newest; None where times are no days


def as_text(forecaster: Forecaster, forecasts: list[Forecast], read: Read | None = None) -> str:
    """A table for each generator, then of which days the data are, and how the probabilities were calibrated."""
    return "\n".join([*(_table(forecaster, forecast) for forecast in forecasts), footer(forecaster, read)])


def footer(forecaster: Forecaster, read: Read | None) -> str:
    """Of which days the events are, where their times are days, and how the probabilities were calibrated."""
    days = []
    if forecaster.days:
        days = [f"{forecaster.trained.config['dataset']} has events from {' to '.join(forecaster.days)}"]
        if read and read.until:
            days += [f"{read.file} adds {counted(read.events)}, up to {read.until}"]
    return "\n".join([*days, f"{forecaster.calibration}\n"])


def named(forecast: Forecast | GroupChance) -> str:
    """A generator's token, and what it means."""
    return f"{forecast.generator} ({forecast.words})" if forecast.words else forecast.generator


def indented(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a table whose last column is names, and all others numbers."""
    return [f"  {line}" for line in aligned(rows, left=[len(rows[0]) - 1])]


def _table(forecaster: Forecaster, forecast: Forecast) -> str:
    head = f"{named(forecast)}, {counted(forecast.events)}"
    if not forecast.predictions:
        return f"{head}: none of its elements is known\n"
    with_slots = any(forecaster.elements.slots)
    header = ["chance", *forecaster.peers, "before", *["slot"] * with_slots, "next element"]
    rows = [
        [
            *(f"{100 * share:.2f} %" for share in (prediction.probability, *prediction.peers)),
            f"{prediction.times_before:,}",
            *[prediction.slot] * with_slots,
            prediction.words,
        ]
        for prediction in forecast.predictions
    ]
    return "\n".join([head, *indented([header, *rows]), *_disagreement(forecaster, forecast), ""])


def _disagreement(forecaster: Forecaster, forecast: Forecast) -> list[str]:
    if not forecaster.peers:
        return []
    if len(set(forecast.first_answers)) == 1:
        firsts = f"all peers expect {forecast.first_answers[0]} first"
    else:
        pairs = zip(forecaster.peers, forecast.first_answers, strict=True)
        firsts = "the peers disagree on the first: " + ", ".join(f"{peer} {answer}" for peer, answer in pairs)
    return [f"  {firsts}; divergence {forecast.divergence:.4f} bits"]


def as_csv(forecaster: Forecaster, forecasts: list[Forecast], read: Read | None = None) -> str:
    """A row for each prediction; the columns of the .user file come last."""
    of_peers = [*(peer.replace(" ", "_") for peer in forecaster.peers), *["divergence"] * bool(forecaster.peers)]
    rows = []
    for forecast in forecasts:
        divergence = [] if forecast.divergence is None else [f"{forecast.divergence:.6g}"]
        for rank, one in enumerate(forecast.predictions, 1):
            shares = [f"{share:.6g}" for share in one.peers]
            told = [one.element, one.words, one.slot, f"{one.probability:.6g}", one.times_before]
            rows.append((forecast, [forecast.generator, rank, *told, *shares, *divergence]))
    columns = ["generator", "rank", "element", "words", "slot", "probability", "times_before", *of_peers]
    return table_as_csv(columns, rows)


def table_as_csv(columns: list[str], rows: Sequence[tuple[Forecast | GroupChance, list]]) -> str:
    """Rows, and after them whether their generator is known, its events, and the columns of the .user file."""
    columns = [*columns, "known", "events"]
    about = list(dict.fromkeys(name for forecast, _ in rows for name in forecast.about))
    lines = [[*columns, *(f"user_{name}" if name in columns else name for name in about)]]
    for forecast, values in rows:
        of_generator = [int(forecast.known), forecast.events, *(forecast.about.get(name, "") for name in about)]
        lines.append([*values, *of_generator])
    return csv_text(lines)


def csv_text(rows: Iterable[Sequence]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()


def as_json(forecaster: Forecaster, forecasts: list[Forecast], read: Read | None = None) -> str:
    """All that is known of model, calibration and forecasts."""
    return record_as_json(forecaster, read, peers=forecaster.peers, forecasts=list(map(asdict, forecasts)))


def record_as_json(forecaster: Forecaster, read: Read | None, **more) -> str:
    """What was forecast from, and `more`."""
    config = forecaster.trained.config
    found = {
        "model": config["model"],
        "dataset": config["dataset"],
        "checkpoint": str(forecaster.trained.file),
        "days": forecaster.days,
        "newer": read and read._asdict(),
        "calibration": asdict(forecaster.calibration),
        **more,
    }
    return json_text(found)


def json_text(found: dict) -> str:
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def counted(count: int, noun: str = "event") -> str:
    """`1 event`, `1,234 events`."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def and_more(named: Sequence[str], count: int) -> str:
    """`a, b and 3 more`, of `count` of which some are `named`."""
    more = f" and {count - len(named):,} more" if count > len(named) else ""
    return f"{', '.join(named)}{more}"


FORMATS = {"text": as_text, "csv": as_csv, "json": as_json}
