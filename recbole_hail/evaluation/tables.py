"""Results as text: a row for each view, or model, and below it its repeat and its new targets."""

from texttable import Texttable

from recbole_hail.evaluation.metrics import SUBSETS, of_all_targets


def result_table(results: dict[str, dict[str, float]]) -> str:
    """Text table of results as `RankEvaluator` or RecBole's Evaluator give them, with a column for each metric."""
    metrics = list(filter(of_all_targets, next(iter(results.values()))))
    table = Texttable(max_width=0)
    table.set_cols_dtype(["t"] * (len(metrics) + 1))
    table.set_cols_align(["l"] + ["r"] * len(metrics))
    table.header(["view", *metrics])
    for view, result in results.items():
        table.add_row([view, *(f"{result[metric]:.4f}" for metric in metrics)])
        if all(result.get(f"{subset}_targets") for subset in SUBSETS):
            for subset in SUBSETS:
                cells = [f"{result[f'{subset}_{metric}']:.4f}" for metric in metrics]
                table.add_row([f"  {subset} targets ({result[f'{subset}_targets']:,})", *cells])
    return table.draw()
