"""The course of a training, epoch by epoch: what the losses and the validation have been after how many steps."""

from recbole_hail.evaluation.metrics import of_all_targets
from recbole_hail.training.evaluations import evaluations_of

_DIGITS = 6  # losses and metrics are kept to be looked at


class Curve:
    """One point for each epoch, of plain values: a run's checkpoints and record hold `points`.

    A point has `epoch`, and after it `step` and `seconds` of training, `losses` (means over the epoch's steps by name)
    and, where the epoch was validated, `valid` (metrics over all targets by view) and `agreement` of two peers or more.
    """

    def __init__(self, points: list[dict] | None = None):
        self.points = list(points or [])

    def trained(self, epoch: int, budget, losses: dict[str, float]) -> None:
        """An epoch has ended; `budget` tells the steps and seconds so far."""
        means = {name: round(value, _DIGITS) for name, value in losses.items()}
        self.points.append({"epoch": epoch, "step": budget.steps, "seconds": round(budget.seconds, 3), "losses": means})

    def validated(self, results: dict[str, dict[str, float]], agreement: dict[str, float] | None = None) -> None:
        """The newest epoch has been validated; before any training there is nothing to add to.

        `agreement` is what `evaluation.agreement` says of the answers, or None where peers cannot be compared.
        """
        if self.points:
            self.points[-1]["valid"] = {
                view: {name: round(value, _DIGITS) for name, value in result.items() if of_all_targets(name)}
                for view, result in results.items()
            }
            if agreement:
                self.points[-1]["agreement"] = {name: round(share, _DIGITS) for name, share in agreement.items()}

    def follow(self, trainer, epoch: int) -> None:
        """The same for a trainer that tells no more than RecBole's, after a validated epoch.

        Its loss is the mean over the steps since the point before.
        """
        before = self.points[-1] if self.points else {"epoch": -1, "step": 0}
        summed = sum(trainer.train_loss_dict[number] for number in range(before["epoch"] + 1, epoch + 1))
        steps = trainer.budget.steps - before["step"]
        self.trained(epoch, trainer.budget, {"loss": summed / max(steps, 1)})
        # A trainer that validates in a way of its own may never have called `evaluate`.
        found = evaluations_of(trainer)
        self.validated(found.newest, found.agreement)
