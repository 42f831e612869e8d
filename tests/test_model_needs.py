"""What models of RecBole need beside the events is asked for before anything is read."""

import pytest
from recbole.config import Config

from recbole_hail.errors import SettingsError

COLUMNS = {"inter": ["user_id", "item_id", "timestamp"]}
GRAPH = {"kg": ["head_id", "relation_id", "tail_id"], "link": ["item_id", "entity_id"]}


def configured(model, **settings) -> Config:
    return Config(model=model, dataset="chi18", config_dict=settings)


def said(model, **settings) -> str:
    with pytest.raises(SettingsError) as error:
        configured(model, **settings)
    return "; ".join(error.value.problems)


def test_features_that_are_not_loaded_are_named_before_anything_is_read(workplace):
    """FDSA ended in "KeyError: 'class'" with all of its settings, once the data were read."""
    whole = {**COLUMNS, "item": ["item_id", "class"]}
    message = said("FDSA", load_col=COLUMNS)
    assert message.startswith(f'selected_features: class of the .item file is not loaded; add --load_col="{whole}"')
    for loaded in (whole, {**COLUMNS, "item": "*"}, None):
        configured("FDSA", load_col=loaded)


@pytest.mark.parametrize("model", ["GRU4RecKG", "KSR"])
def test_a_graph_that_is_not_loaded_is_named_before_anything_is_read(model, workplace):
    """These ended in a TypeError of RecBole's, once the data were read."""
    beside = {"valid_metric": "MRR@10", "metrics": ["MRR"]}
    message = said(model, load_col=COLUMNS, **beside)
    whole = {**COLUMNS, **GRAPH}
    assert message == (
        f'load_col: {model} reads a knowledge graph; to load chi18.kg and chi18.link add --load_col="{whole}"'
    )
    assert "to load chi18.link add" in said(model, load_col={**COLUMNS, "kg": GRAPH["kg"]}, **beside)
    for loaded in (whole, None):
        configured(model, load_col=loaded, **beside)
    configured("SASRec", load_col=COLUMNS)


def test_a_model_of_a_later_stage_is_told_what_it_starts_from(workplace, tmp_path):
    """All settings stood in the message, and among them a path that was empty."""
    there = tmp_path / "first.pth"
    there.touch()
    unbounded = {"max_steps": None, "max_minutes": None}  # they train in loops of their own
    for model, stage in (
        ("S3Rec", {"train_stage": "finetune"}),
        ("RaCT", {"train_stage": "critic_pretrain"}),
        ("RaCT", {"train_stage": "finetune"}),
        ("ConvNCF", {"train_method": "after_pretrain"}),
    ):
        stage |= unbounded
        assert f"pre_model_path: '' is no file; name the checkpoint that {model} starts from" in said(model, **stage)
        assert "pre_model_path: 'gone.pth' is no file" in said(model, **stage, pre_model_path="gone.pth")
        configured(model, **stage, pre_model_path=str(there))
    for model, first in (
        ("S3Rec", {"train_stage": "pretrain"}),
        ("RaCT", {"train_stage": "actor_pretrain"}),
        ("ConvNCF", {"train_method": "no_pretrain"}),
    ):
        configured(model, **first, **unbounded)
