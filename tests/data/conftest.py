"""Tiny .inter files read through RecBole, and what their sequences are known to be."""

from __future__ import annotations

import logging
import random
import sys

import pytest

import recbole_hail  # noqa: F401  (before RecBole)


@pytest.fixture
def make_config(tmp_path, monkeypatch):
    """Writes sequences {user: [(item, time), …]} as a dataset and builds a RecBole configuration for it."""
    from recbole.config import Config

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["pytest"])
    monkeypatch.setattr(logging.getLogger(), "disabled", True)

    def make(sequences, *, model="HAIL", split="valid_and_test", **settings):
        folder = tmp_path / "dataset" / "tiny"
        folder.mkdir(parents=True, exist_ok=True)
        rows = [f"{user}\t{item}\t{time}" for user, events in sequences.items() for item, time in events]
        random.Random(0).shuffle(rows)  # a dataset need not be sorted
        header = "user_id:token\titem_id:token\ttimestamp:float"
        (folder / "tiny.inter").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
        return Config(
            model=model,
            dataset="tiny",
            config_dict={
                "data_path": str(tmp_path / "dataset"),
                "eval_args": {"split": {"LS": split}, "order": "TO", "group_by": "user", "mode": "uni99"},
                "load_col": {"inter": ["user_id", "item_id", "timestamp"]},
                "train_neg_sample_args": None,
                "repeatable": True,
                "MAX_ITEM_LIST_LENGTH": 4,
                "use_gpu": False,
                "gpu_id": "",
                "show_progress": False,
                **settings,
            },
        )

    return make


@pytest.fixture(scope="session")
def distinct_items():
    """Sequences of given lengths in which every event has an item of its own, named after user and place."""

    def make(lengths):
        return {f"u{u}": [(f"u{u}i{i}", i) for i in range(length)] for u, length in enumerate(lengths)}

    return make
