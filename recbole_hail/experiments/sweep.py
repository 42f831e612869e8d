"""The runs of experiments, each in the folder of its dataset and steps: placed, trained, ranked, read."""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from recbole_hail.comparison.jobs import Machine
from recbole_hail.comparison.notation import UNTRAINED, ModelSpec
from recbole_hail.comparison.plan import Plan, make_plan, turn, untrained_under
from recbole_hail.comparison.results import Result, read_result
from recbole_hail.comparison.runs import Run, RunFolder
from recbole_hail.comparison.training import rank_missing, train_missing
from recbole_hail.errors import SettingsError
from recbole_hail.experiments.budgets import SweepBudget
from recbole_hail.experiments.step_costs import StepCosts
from recbole_hail.experiments.systems import Experiment, Group, Row, in_own_words

TRAINED_UNDER = "strict"
RANKED_UNDER = (TRAINED_UNDER, "paper")  # always


@dataclass(frozen=True)
class Placed:
    """A row with its runs, one for each seed, and where they are."""

    row: Row
    label: str
    steps: int
    folder: RunFolder
    runs: list[Run]

    def results(self, plan: Plan, metrics: list[str], protocol: str) -> list[Result] | None:
        """Of all seeds; None where one is missing."""
        if not all(self.folder.is_ranked(run, protocol) for run in self.runs):
            return None
        other = None if protocol == TRAINED_UNDER else protocol
        paths = map(self.folder.path, self.runs)
        return [read_result(path, plan.config, metrics, protocol=other, view=self.row.view) for path in paths]


class Sweep:
    """All runs that experiments on one dataset need.

    Args:
        dataset: its name.
        budget: steps, seeds and settings.
        files: yaml files of settings for all systems.
        settings: for all systems, over those of the files and of the budget.
        output: holds `<dataset>/steps-<N>/`, a folder of runs as `recbole-hail compare` makes it, for each N.
        config_of: makes a Config, as for `make_plan`.
        also: protocols to rank under beside those of `RANKED_UNDER`.
    """

    def __init__(
        self,
        dataset: str,
        budget: SweepBudget,
        files: list[str] | None,
        settings: dict,
        output: Path,
        config_of: Callable,
        also: Sequence[str] = (),
    ):
        self.dataset, self.budget, self.files, self.config_of = dataset, budget, files, config_of
        self.protocols = (*RANKED_UNDER, *also)
        self.settings = {**budget.settings, **settings}
        self.output = output / dataset
        self.known: set[str] = set()  # settings of the models of all plans; the first has all models
        self.plans: dict[int, Plan] = {}
        self.folders: dict[int, RunFolder] = {}
        self.groups: list[tuple[Experiment, Group, list[Placed]]] = []

    def place(self, experiments: list[Experiment], say: Callable[[str], None]) -> None:
        """Gives every row its steps and runs; measures what a step costs where that is not known yet.

        Raises:
            SettingsError: with all problems of settings, of folders that hold other runs, and of steps that `epochs`
                leaves no room for; no run has been trained then.
        """
        groups = [(experiment, group) for experiment in experiments for group in experiment.groups]
        base = self._plan([row.spec for _, group in groups for row in group.rows], self.budget.steps)
        folder = RunFolder(self.output / f"steps-{self.budget.steps}", base.shared)
        folder.check(base.in_force)  # before anything is measured
        groups = [(experiment, in_own_words(group, base.config)) for experiment, group in groups]
        self.untrained = untrained_under(base.config)
        self.costs = StepCosts(self.output / "calibration.json", base.shared)
        networks = [row.spec for _, group in groups for row in group.rows if row.spec.model not in UNTRAINED]
        self.costs.measure(networks, self.config_of, say)
        steps = [self._steps(group) for _, group in groups]
        self._make_folders([pair for found in steps for pair in found])
        for (experiment, group), found in zip(groups, steps, strict=True):
            self.groups.append((experiment, group, self._placed(group, found)))

    def _plan(self, specs: list[ModelSpec], steps: int) -> Plan:
        bounds = {"max_steps": str(steps), "candidates": TRAINED_UNDER}
        settings = {**self.settings, **bounds}
        plan = make_plan(
            specs, self.budget.seeds, self.dataset, self.files, settings, config_of=self.config_of, known=self.known
        )
        self.known |= plan.known
        return plan

    def _steps(self, group: Group) -> list[tuple[Row, int]]:
        """The rows with the steps they get, those that come out the same once, and after them the rules."""
        reference = _row(group, group.reference).spec
        found: dict[tuple[str, ModelSpec, int], Row] = {}
        for row in group.rows:
            equal = row.equal_time and row.spec.model not in UNTRAINED
            steps = self.costs.steps_for(row.spec, reference, group.steps) if equal else group.steps
            key = row.label, row.spec, steps
            in_both = row.equal_time and key in found
            found[key] = replace(row, equal_time=None) if in_both else row
        known = [row.spec for row in group.rows]
        rules = [rule for rule in self.untrained if ModelSpec(rule) not in known]
        trained = [(row, steps) for (_, _, steps), row in found.items()]
        return trained + [(Row(rule, ModelSpec(rule)), group.steps) for rule in rules]

    def _make_folders(self, wanted: list[tuple[Row, int]]) -> None:
        problems = []
        for steps in sorted({steps for _, steps in wanted}):
            specs = list(dict.fromkeys(row.spec for row, taken in wanted if taken == steps))
            plan = self.plans[steps] = self._plan(specs, steps)
            folder = self.folders[steps] = RunFolder(self.output / f"steps-{steps}", plan.shared)
            try:
                folder.check(plan.in_force)
            except SettingsError as error:
                problems += error.problems
            problems += [
                f"epochs: the passes over the data end after {most:,} steps of {spec.label}, before {steps:,}; "
                "give more with --epochs"
                for spec in specs
                if spec.model not in UNTRAINED and (most := self.costs.most_steps(spec)) < steps
            ]
        if problems:
            raise SettingsError(problems)

    def _placed(self, group: Group, rows: list[tuple[Row, int]]) -> list[Placed]:
        labels = [row.label for row in group.rows]
        timed = any(row.equal_time for row in group.rows)
        placed = []
        for row, steps in rows:
            label = row.label
            if timed and row.spec.model not in UNTRAINED:
                label += f", {steps:,} steps" + " each" * (row.spec.members > 1)
                label += f" ({_EQUAL[row.equal_time]})" * (labels.count(row.label) > 1)
            runs = self.plans[steps].rows[row.spec.label]
            placed.append(Placed(row, label, steps, self.folders[steps], runs))
        return placed

    def jobs(self) -> list[tuple[RunFolder, Run]]:
        """Every run once, in the order of their `turn`, after its members."""
        placed = [(place, run) for _, _, rows in self.groups for place in rows for run in place.runs]
        placed.sort(key=lambda pair: turn(pair[1], self.budget.seeds))
        jobs = [(place.folder, one) for place, run in placed for one in (*run.members, run)]
        return list({folder.path(run): (folder, run) for folder, run in jobs}.values())

    def seconds_left(self) -> float:
        """What training the missing runs takes, by the calibration: steps alone, neither validation nor loading."""
        steps = {id(folder): steps for steps, folder in self.folders.items()}
        return sum(
            steps[id(folder)] * self.costs.seconds(run.spec)
            for folder, run in self.jobs()
            if not (folder.has(run) or run.members or run.spec.model in UNTRAINED)
        )

    def run(self, say: Callable[[str], None], machine: Machine) -> list[str]:
        """Trains and ranks what is missing; returns what is to say of runs that failed."""
        jobs = self.jobs()
        with ExitStack() as held:
            for folder in self.folders.values():
                own = [run for other, run in jobs if other is folder]
                if not all(folder.is_ranked(run, protocol) for run in own for protocol in self.protocols):
                    held.enter_context(folder.held())
            return train_missing(jobs, say, machine) + rank_missing(jobs, self.protocols[1:], say, machine)


_EQUAL = {False: "equal steps", True: "equal time", None: "equal steps and time"}


def _row(group: Group, label: str) -> Row:
    return next(row for row in group.rows if row.label == label)
