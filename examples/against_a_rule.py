"""A network and a rule that only counts, on the same split and the same candidates.

    python examples/against_a_rule.py [--dataset=ml-100k] [--max_steps=600]

What does not beat the rule has learnt nothing of use. `recbole-hail compare` asks the same over seeds, with all rules
and tests of the differences.
"""

import argparse
import sys

import recbole_hail  # noqa: F401  first: it registers the plugin

# isort: split
from recbole.quick_start import run_recbole


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--dataset", default="ml-100k")
    parser.add_argument("--max_steps", type=int, default=600)
    options = parser.parse_args()
    sys.argv = sys.argv[:1]  # RecBole takes arguments for settings
    settings = {"candidates": "strict", "max_steps": options.max_steps, "show_progress": False}
    results = {
        model: run_recbole(model=model, dataset=options.dataset, config_dict=settings)["test_result"]
        for model in ("HAIL", "GeneratorKNN")
    }
    for model, result in results.items():
        print(f"{model}: HR@10 {result['hit@10']:.3f}, MRR {result['mrr']:.3f}")


if __name__ == "__main__":
    main()
