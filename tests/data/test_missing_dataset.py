"""What is said of a dataset that is not there."""

import pytest

from recbole_hail.data.missing_dataset import require_inter_file
from recbole_hail.errors import DataError


@pytest.fixture
def datasets(workplace, write_dataset):
    for name in ("chi", "leipzig", "ny"):
        write_dataset(workplace / "dataset", name, {"g": ["a", "b"]})
    (workplace / "dataset" / "empty").mkdir()
    return workplace


def found(name: str, data_path: str = "dataset") -> str:
    """As RecBole puts them together."""
    return require_inter_file({"dataset": name, "data_path": f"{data_path}/{name}"})


def said(name: str, data_path: str = "dataset") -> str:
    with pytest.raises(DataError) as raised:
        found(name, data_path)
    return str(raised.value)


def test_one_that_is_there(datasets):
    assert found("leipzig") == "dataset/leipzig/leipzig.inter"


@pytest.mark.parametrize("name", ["Leipzig", "dataset/leipzig", "leipzg"])
def test_another_spelling_or_a_path_named_the_converter_of_sequences(datasets, name):
    message = said(name)
    assert "; dataset/ has chi, leipzig, ny; did you mean leipzig? If not, make it with one of\n" in message
    for command in ("city FILE.csv", "nyc FILE.csv", "Chicago's: chicago", "sequences FILE.txt"):
        assert command in message
    assert f"--output dataset/{name.split('/')[-1]} " in message


def test_one_that_is_like_none(datasets):
    message = said("berlin")
    assert "berlin is not at dataset/berlin/berlin.inter; dataset/ has chi, leipzig, ny; make it with one" in message
    assert "did you mean" not in message and "--download" not in message
    assert "add --download" in said("nyc16") and "download nyc16 --output dataset/nyc16" in said("nyc16")


def test_many_are_not_all_listed(datasets, write_dataset):
    for number in range(9):
        write_dataset(datasets / "dataset", f"a{number}", {"g": ["a"]})
    assert "has a0, a1, a2, a3, a4, a5, a6, a7 and 4 more; make it" in said("zzz")


@pytest.mark.parametrize("absolute", [False, True])
def test_the_datasets_own_folder_for_data_path(datasets, absolute):
    """The message had leipzig/leipzig/leipzig.inter, and a converter."""
    path = f"{datasets}/dataset/leipzig" if absolute else "dataset/leipzig"
    assert said("leipzig", path).endswith("data_path is the folder above that of the dataset: --data_path=dataset")


def test_a_file_without_a_folder_of_its_name(datasets):
    (datasets / "mine.inter").write_text("")
    assert "mine.inter is there, but RecBole wants it in a folder of its name" in said("mine", ".")


@pytest.mark.parametrize("below", ["dataset", "dataset/leipzig", "notes/2024"])
def test_another_folder_than_that_of_the_datasets(datasets, monkeypatch, below):
    (datasets / below).mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(datasets / below)
    assert said("leipzig").endswith(f"it is in {datasets / 'dataset'}; call the command in {datasets}")


def test_no_folder_of_datasets_at_all(workplace):
    assert f"; there is no folder dataset in {workplace}; make it with one of" in said("leipzig")
    assert "; there is no /nowhere; make it with one of" in said("leipzig", "/nowhere")
