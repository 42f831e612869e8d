"""Rows newer than a dataset's, named as it names them."""

import datetime

import pytest

import dataset_converters
from dataset_converters import ConversionError

START = datetime.datetime(2016, 5, 1, 12)
KINDS = [("351", "MISCHIEF"), ("121", "MISCHIEF"), ("341", '5" PIPE|100%'), ("109", "LARCENY")]


@pytest.fixture
def export(world, tmp_path):
    """Writes an export of events of these codes and descriptions."""

    def write(name: str, kinds: list[tuple[str, str]]):
        events = [world.Event(n, START, "9", "STREET", *kind) for n, kind in enumerate(kinds)]
        (tmp_path / name).write_text(world.as_csv(world.NYC_24, [event.nyc() for event in events]), encoding="utf-8")
        return tmp_path / name

    return write


@pytest.fixture
def trained(export, tmp_path):
    """The dataset that a model was trained on."""
    dataset_converters.nyc(export("old.csv", KINDS), tmp_path / "old", min_events=1)
    return tmp_path / "old"


def elements(world, folder):
    return [row[1] for row in world.read_inter(folder)[1:]]


def test_codes_in_brackets_depend_on_the_file_unless_a_dataset_is_named(world, export, trained, tmp_path):
    """The newer file's tokens were others than the model's."""
    newer = export("newer.csv", [KINDS[0], KINDS[2], ("999", "LARCENY")])
    dataset_converters.nyc(newer, tmp_path / "alone", min_events=1)
    assert elements(world, tmp_path / "alone") == ["12-15h|MISCHIEF", "12-15h|5%22 PIPE%7C100%25", "12-15h|LARCENY"]
    report = dataset_converters.nyc(newer, tmp_path / "newer", min_events=1, like=trained)
    made = elements(world, tmp_path / "newer")
    assert made == ["12-15h|MISCHIEF (351)", "12-15h|5%22 PIPE%7C100%25", "12-15h|LARCENY (999)"]
    assert set(made[:2]) < set(elements(world, trained)) and report["options"]["like"] == str(trained)


def test_the_whole_export_like_itself_is_itself(export, trained, tmp_path):
    dataset_converters.nyc(export("old.csv", KINDS), tmp_path / "new" / "old", min_events=1, like=trained)
    for suffix in ("inter", "user", "item"):
        assert (tmp_path / "new" / "old" / f"old.{suffix}").read_bytes() == (trained / f"old.{suffix}").read_bytes()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"slot_hours": 24}, "was made with slot-hours 3, not 24; give the same"),
        ({"element": "pd"}, "was made with element 'offense', not 'pd'"),
        ({"generator": "precinct"}, r"was made with generator \['precinct', 'premises'\], not \['precinct'\]"),
    ],
)
def test_other_options_would_make_other_names(export, trained, tmp_path, options, said):
    with pytest.raises(ConversionError, match=said):
        dataset_converters.nyc(export("old.csv", KINDS), tmp_path / "made", like=trained, **options)
    assert not (tmp_path / "made").exists()


def test_another_citys_dataset_and_none(export, trained, tmp_path):
    with pytest.raises(ConversionError, match="was made with command 'nyc', not 'chicago'"):
        dataset_converters.chicago(
            tmp_path / "any.csv", tmp_path / "made", like=trained, generator=("precinct", "premises")
        )
    with pytest.raises(ConversionError, match=r"there is no .*no\.json; name the folder of a dataset"):
        dataset_converters.nyc(export("old.csv", KINDS), tmp_path / "made", like=tmp_path / "no")
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("1 7\n")
    dataset_converters.sequences(pairs, tmp_path / "pairs")
    with pytest.raises(ConversionError, match="holds no dataset that nyc, chicago or city have made"):
        dataset_converters.nyc(export("old.csv", KINDS), tmp_path / "made", like=tmp_path / "pairs")
    (trained / "old.item").write_text("item_id:token\n1\n")
    with pytest.raises(ConversionError, match="holds no dataset that nyc, chicago or city have made"):
        dataset_converters.nyc(export("old.csv", KINDS), tmp_path / "made", like=trained)


@pytest.mark.parametrize("like", ["dataset/la", "./dataset/../dataset/la/", "link"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_a_dataset_is_not_replaced_by_what_is_compared_with_it(export, tmp_path, monkeypatch, like, overwrite):
    """A year was replaced by a month; without --overwrite the message proposed it."""
    monkeypatch.chdir(tmp_path)
    dataset_converters.nyc(export("old.csv", KINDS), "dataset/la", min_events=1)
    (tmp_path / "link").symlink_to(tmp_path / "dataset" / "la")
    before = (tmp_path / "dataset" / "la" / "la.inter").read_bytes()
    for output, other in (("dataset/la", "dataset/la-newer"), (tmp_path / "dataset/la", tmp_path / "dataset/la-newer")):
        with pytest.raises(ConversionError, match=f"are the same folder, {like}, .* need another, such as {other}$"):
            dataset_converters.nyc("not-read.csv", output, min_events=1, like=like, overwrite=overwrite)
    assert (tmp_path / "dataset" / "la" / "la.inter").read_bytes() == before


def test_a_dataset_that_is_not_there_is_looked_for_in_dataset(export, tmp_path, monkeypatch):
    """`--like leipzig` said that there is no such file."""
    monkeypatch.chdir(tmp_path)
    dataset_converters.nyc(export("old.csv", KINDS), "dataset/leipzig", min_events=1)
    with pytest.raises(ConversionError, match=r"leipzig\.json; did you mean dataset/leipzig\?$"):
        dataset_converters.nyc(export("old.csv", KINDS), "dataset/newer", like="leipzig")


def test_names_that_the_dataset_does_not_have_are_counted_and_the_near_ones_named(world, export, trained, tmp_path):
    """Precincts that newer exports write `009` were new places, without a word."""
    report = dataset_converters.nyc(export("same.csv", KINDS), tmp_path / "same", min_events=1, like=trained)
    assert report["compared"] == [f"all 1 generators are in {trained} too", f"all 4 elements are in {trained} too"]
    columns = {"number": "CMPLNT_NUM", "date": "CMPLNT_FR_DT", "time": "CMPLNT_FR_TM", "element": "OFNS_DESC"}
    columns["generator"] = "ADDR_PCT_CD,PREM_TYP_DESC"
    dataset_converters.city(export("old.csv", KINDS), tmp_path / "city", min_events=1, **columns)
    newer = export("newer.csv", [("109", "LARCENY "), ("1", "ARSON"), ("341", '5" PIPE|100%'), ("351", "MIS CHIEF")])
    newer.write_text(newer.read_text().replace(",9,", ",009,"))
    report = dataset_converters.city(newer, tmp_path / "newer", min_events=1, like=tmp_path / "city", **columns)
    assert report["compared"] == [
        f"1 of 1 generators are not in {tmp_path / 'city'} (009|STREET: did you mean 9|STREET?)",
        f"2 of 4 elements are not in {tmp_path / 'city'} "
        "(12-15h|MIS CHIEF: did you mean 12-15h|MISCHIEF?, 12-15h|ARSON)",
    ]


def test_names_in_other_case_are_told_where_forecasts_do_not_find_them(world, export, tmp_path):
    """Those that they find were called new."""
    words = pytest.importorskip("recbole_hail.data.words")
    columns = {"number": "CMPLNT_NUM", "date": "CMPLNT_FR_DT", "time": "CMPLNT_FR_TM", "element": "OFNS_DESC"}
    columns |= {"generator": "ADDR_PCT_CD,PREM_TYP_DESC", "min_events": 1}
    old, newer = ["LARCENY", "Arson", "ARSON", "50% OFF"], ["Larceny", "arson", "Arson", "50% off"]
    for name, kinds in (("old", old), ("newer", newer)):
        like = tmp_path / "old" if name == "newer" else None
        file = export(f"{name}.csv", [("1", kind) for kind in kinds])
        report = dataset_converters.city(file, tmp_path / name, like=like, **columns)
    known, met = (list(world.read_table(tmp_path / name, ".item")) for name in ("old", "newer"))
    found = words.Words("element", ["[PAD]", *known], tmp_path / "old" / "old.item")
    new = [name for name in met if found.number(name) is None]
    assert new == ["12-15h|50%25 off", "12-15h|arson"]
    assert report["compared"][1].startswith(f"2 of 4 elements are not in {tmp_path / 'old'} ({new[0]}: did you mean ")
