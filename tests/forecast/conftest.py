"""Checkpoints of random weights in the repeating world, and what the world's events are."""

from types import SimpleNamespace

import numpy as np
import pytest

from recbole_hail.training.checkpoints import write_checkpoint


@pytest.fixture(scope="module")
def saved(build, tmp_path_factory):
    """A function from a model's name and settings to its checkpoint, beside the live model; each is made once."""
    folder, made = tmp_path_factory.mktemp("saved"), {}

    def save(name: str, **settings):
        key = (name, *sorted(settings.items()))
        if key not in made:
            live = build(name, **settings)
            if hasattr(live.model, "count"):  # a rule's weights are its counts
                live.trainer.fit(live.train, saved=False, verbose=False)
            path = folder / f"{len(made)}.pth"
            state = {"config": live.config, "state_dict": live.model.state_dict(), "epoch": 0, "cur_step": 0}
            state["best_valid_score"] = 0.0
            write_checkpoint({**state, "other_parameter": live.model.other_parameter()}, path)
            made[key] = SimpleNamespace(path=path, live=live, world=events(live.train._dataset))
        return made[key]

    return save


def events(dataset) -> dict[str, list[str]]:
    """Every generator's whole sequence of tokens, out of the dataset's .inter file."""
    found = {}
    file = f"{dataset.config['data_path']}/{dataset.config['dataset']}.inter"
    for line in np.loadtxt(file, dtype=str, delimiter="\t", skiprows=1):
        found.setdefault(str(line[0]), []).append(str(line[1]))
    return found
