"""Names of models that there are not, from Python."""

import pytest
from recbole.config import Config

from recbole_hail import model_names
from recbole_hail.errors import SettingsError


@pytest.mark.parametrize(
    "name, told",
    [
        ("HALI", "'HALI' is not a model of RecBole or of this plugin; did you mean HAIL?"),  # "No module lightgbm"
        ("sasrec", "did you mean SASRec"),
        ("Qwertyuiop", "see RecBole's model list"),
        ("mixer.MixerRec", "a class of your own is named MODULE:CLASS"),  # "pip install recbole.model.[…].mixer"
    ],
)
def test_what_is_no_model_is_told_with_those_it_is_like(workplace, name, told):
    with pytest.raises(SettingsError, match="model: ") as error:
        Config(model=name, dataset="ml-100k")
    assert told in str(error.value)


@pytest.mark.parametrize(
    "name, library, told",
    [
        ("LightGBM", "lightgbm", r"LightGBM needs the package lightgbm, .*: pip install lightgbm"),
        ("HALI", "lightgbm", "'HALI' is not a model"),  # looked for among RecBole's external models last
        ("MyGraph", "torch_scatter", "MyGraph needs the package torch_scatter"),
    ],
)
def test_a_library_that_is_not_installed_is_named(monkeypatch, name, library, told):
    def get_model(name):
        raise ModuleNotFoundError(f"No module named {library!r}", name=library)

    monkeypatch.setattr(model_names, "get_model", get_model)
    with pytest.raises(SettingsError, match=told):
        model_names.model_named(name)


def test_a_library_that_training_needs_is_asked_for_before_the_data_are_read(monkeypatch):
    """NCL ended in a traceback, "No module named 'faiss'"."""
    monkeypatch.setattr(model_names, "find_spec", lambda module: None)
    with pytest.raises(SettingsError, match=r"model: NCL needs the package faiss-cpu, .*: pip install faiss-cpu"):
        model_names.model_named("NCL")
    monkeypatch.setattr(model_names, "find_spec", lambda module: True)
    assert model_names.model_named("NCL").__name__ == "NCL"
