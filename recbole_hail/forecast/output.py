"""Forecasts as text, CSV and JSON."""

import csv
import io
import json
from collections import Counter
from dataclasses import asdict

from recbole_hail.forecast.forecaster import Forecaster
from recbole_hail.forecast.predictions import Forecast


def as_text(forecaster: Forecaster, forecasts: list[Forecast]) -> str:
    """A table for each generator, then of which days the data are, and how the probabilities were calibrated."""
    tables = [_table(forecaster, forecast) for forecast in forecasts]
    days = []
    if forecaster.days:
        days = [f"{forecaster.trained.config['dataset']} has events of {' to '.join(forecaster.days)}"]
    return "\n".join([*tables, *days, f"{forecaster.calibration}\n"])


def _table(forecaster: Forecaster, forecast: Forecast) -> str:
    about = f" ({forecast.words})" if forecast.words else ""
    head = f"{forecast.generator}{about}, {_events(forecast.events)}"
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
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    lines = [
        "  ".join(cell.rjust(width) for cell, width in zip(row[:-1], widths, strict=False)) for row in [header, *rows]
    ]
    lines = [f"  {line}  {row[-1]}" for line, row in zip(lines, [header, *rows], strict=True)]
    return "\n".join([head, *lines, *_disagreement(forecaster, forecast), ""])


def _disagreement(forecaster: Forecaster, forecast: Forecast) -> list[str]:
    if not forecaster.peers:
        return []
    if len(set(forecast.first_answers)) == 1:
        firsts = f"all peers expect {forecast.first_answers[0]} first"
    else:
        pairs = zip(forecaster.peers, forecast.first_answers, strict=True)
        firsts = "they disagree on the first: " + ", ".join(f"{peer} {answer}" for peer, answer in pairs)
    return [f"  {firsts}; divergence {forecast.divergence:.4f} bits"]


def as_csv(forecaster: Forecaster, forecasts: list[Forecast]) -> str:
    """A row for each prediction."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    columns = ["generator", "rank", "element", "words", "slot", "probability", "times_before"]
    writer.writerow(
        [*columns, *(peer.replace(" ", "_") for peer in forecaster.peers), *["divergence"] * bool(forecaster.peers)]
    )
    for forecast in forecasts:
        divergence = [] if forecast.divergence is None else [f"{forecast.divergence:.6g}"]
        for rank, one in enumerate(forecast.predictions, 1):
            shares = [f"{share:.6g}" for share in one.peers]
            told = [one.element, one.words, one.slot, f"{one.probability:.6g}", one.times_before]
            writer.writerow([forecast.generator, rank, *told, *shares, *divergence])
    return text.getvalue()


def as_json(forecaster: Forecaster, forecasts: list[Forecast]) -> str:
    """All that is known of model, calibration and forecasts."""
    config = forecaster.trained.config
    found = {
        "model": config["model"],
        "dataset": config["dataset"],
        "checkpoint": str(forecaster.trained.file),
        "days": forecaster.days,
        "calibration": asdict(forecaster.calibration),
        "peers": forecaster.peers,
        "forecasts": [asdict(forecast) for forecast in forecasts],
    }
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


FORMATS = {"text": as_text, "csv": as_csv, "json": as_json}


def skipped_elements(forecasts: list[Forecast]) -> list[str]:
    """What was skipped, in a line; none where all elements were known."""
    counts = Counter(element for forecast in forecasts for element in forecast.skipped)
    if not counts:
        return []
    named = ", ".join(f"{element!r} ({count})" for element, count in counts.items())
    skipped = _events(sum(counts.values()))
    return [f"history: {skipped} left out, of elements that the model does not know: {named}"]


def _events(count: int) -> str:
    return f"{count:,} event{'s' * (count != 1)}"
