"""What the results of a table have in common, and what captions say of it."""

from dataclasses import dataclass

from recbole.config import Config

from recbole_hail.comparison.results import Result
from recbole_hail.evaluation.metrics import titles
from recbole_hail.settings import leaves_one_out

LEVEL = 0.05
_OF_THESE_TRAININGS = {
    "wilcoxon": "Wilcoxon signed-rank test over generators, of these trainings",
    "bootstrap": "paired bootstrap over generators, of these trainings",
}
_ONE_TRAINING = "what was trained once, with one seed, has no mark, for another training may differ as much"


@dataclass(frozen=True)
class Context:
    """What results have in common. `head` begins captions, `budget` says in words what a training could take.

    `published` has the paper's numbers by row and column; tables that know them show intervals too.
    """

    dataset: str
    config: Config
    seeds: list[int]
    budget: str
    test: str
    head: str = ""
    published: dict[str, dict[str, float]] | None = None

    @property
    def metrics(self) -> dict[str, str]:
        """The columns of tables, by their names in results."""
        return titles(self.config["metrics"], self.config["topk"])

    @property
    def several_seeds(self) -> bool:
        return len(self.seeds) > 1

    def lists(self, result: Result) -> str:
        """Protocol, draw and hash of the lists, in words."""
        candidates = result.candidates
        drawn = f" {candidates['drawn']}, seed {candidates['seed']}" if "drawn" in candidates else ""
        return f"{candidates['protocol']}{drawn}, lists {candidates['hash']}, ties {self.config['ties']}"

    def caption(self, targets: str, generators: int, lists: str) -> str:
        """Of a table of metrics over so many generators' `targets`: all, repeat or new."""
        seeds = f"Seed {self._listed_seeds}"
        if self.several_seeds:
            seeds = f"Mean ± sd over seeds {self._listed_seeds}; a row without sd is one run"
        shown = ""
        if self.published is not None:
            shown = " [95 % bootstrap interval over generators]" + " (the paper's number, ours off it by)" * (
                targets == "all" and any(self.published.values())
            )
        test = _OF_THESE_TRAININGS.get(self.test, "t test over generators" + " and seeds" * self.several_seeds)
        unmarked = f"; {_ONE_TRAINING}" * (self.test == "t" and not self.several_seeds)
        return (
            f"{self.head}{self.dataset}, {targets} targets of {generators:,} generators{self._each_alike}, "
            f"{_split_in_words(self.config['eval_args']['split'])}; candidates: {lists}; {self.budget}. "
            f"{seeds}{shown}. Best bold, second underlined; * differs from the best ({test}, Holm-corrected over "
            f"all pairs of models, p < {LEVEL}){unmarked}."
        )

    def caption_of_differences(self, reference: str, generators: int, lists: str) -> str:
        """Of a table of differences to the row `reference`."""
        seeds = f"Seed {self._listed_seeds}, [95 % t interval over generators, paired]; {_ONE_TRAINING}"
        if self.several_seeds:
            seeds = (
                f"Mean of seeds {self._listed_seeds} ± sd of the seeds' differences, "
                "[95 % t interval over generators and seeds, paired]; * the interval leaves out 0; no interval is "
                "corrected for their number"
            )
        return (
            f"{self.head}{self.dataset}, difference to {reference} over {generators:,} generators{self._each_alike}; "
            f"candidates: {lists}; {self.budget}. {seeds}."
        )

    @property
    def _each_alike(self) -> str:
        """Where a generator has several questions, of which a run's own numbers are the mean over all."""
        return "" if leaves_one_out(self.config) else " (each counts as one, however many questions it has)"

    @property
    def _listed_seeds(self) -> str:
        return ", ".join(map(str, self.seeds))


def _split_in_words(split: dict) -> str:
    if split.get("LS") == "valid_and_test":
        return "the last element of each, the one before it for validation"
    return f"split {split}"
