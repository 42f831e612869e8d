"""From a city's CSV to what tends to happen next at one of its places.

    python examples/city_to_forecast.py [--csv=NYPD_Complaint_Data_Historic.csv] [--max_steps=300]

Without --csv the events are made up. Another city's file goes through dataset_converters.city in place of .nyc, with
the names of its columns. What is written (dataset/, saved/, the CSV) goes to the folder it is called from.
"""

import argparse
import sys
from pathlib import Path

import dataset_converters
import recbole_hail  # first: it registers the plugin

# isort: split
from recbole.quick_start import run_recbole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--csv", type=Path, help="of New York's police")
    parser.add_argument("--max_steps", type=int, default=300)
    options = parser.parse_args()
    sys.argv = sys.argv[:1]  # RecBole takes arguments for settings
    export = options.csv or dataset_converters.sample("nyc", "made-up.csv", events=20_000, overwrite=True)
    dataset_converters.nyc(export, "dataset/city", overwrite=True)
    settings = {"candidates": "strict", "max_steps": options.max_steps, "show_progress": False}
    run_recbole(model="HAIL", dataset="city", config_dict=settings)
    newest = max(Path("saved").glob("HAIL-*.pth"), key=lambda file: file.stat().st_mtime)
    forecaster = recbole_hail.Forecaster.load(newest)
    (busiest,) = sorted(forecaster.forecast(k=5), key=lambda forecast: forecast.events)[-1:]
    print(f"{busiest.words}, after {busiest.events} events; {forecaster.calibration}:")
    for prediction in busiest.predictions:
        before = f"{prediction.times_before} times before"
        print(f"  {prediction.probability:6.1%}  {prediction.slot}  {prediction.words}, {before}")


if __name__ == "__main__":
    main()
