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
    ],
)
def test_what_is_no_model_is_told_with_those_it_is_like(workplace, name, told):
    with pytest.raises(SettingsError, match="model: ") as error:
        Config(model=name, dataset="ml-100k")
    assert told in str(error.value)


def test_a_library_that_is_not_installed_is_named():
    def get_model(name):
        raise ModuleNotFoundError("No module named 'lightgbm'", name="lightgbm")

    with pytest.raises(SettingsError, match=r"LightGBM needs the package lightgbm, .*: pip install lightgbm"):
        model_names.with_known_names(get_model)("LightGBM")
    with pytest.raises(SettingsError, match="'HALI' is not a model"):
        model_names.with_known_names(get_model)("HALI")
