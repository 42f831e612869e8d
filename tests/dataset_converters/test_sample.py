"""Made-up exports: repeatable, of the asked size, and like the real data in what the converters care about."""

import collections
import gzip

import pytest

import dataset_converters
from dataset_converters import ConversionError


@pytest.mark.parametrize("city", ["nyc", "chicago"])
def test_samples_convert(world, tmp_path, city):
    path = dataset_converters.sample(city, tmp_path / "sample.csv", events=20_000, seed=3)
    header = path.read_text(encoding="utf-8").split("\n", 1)[0]
    assert header == ",".join(world.NYC_35 if city == "nyc" else world.CHICAGO_22)
    report = getattr(dataset_converters, city)(path, tmp_path / "made", year=2016)
    assert report["rows"]["read"] == 20_000 and not report["rows"]["unusable"] and not report["notes"]
    assert report["rows"]["kept"] > 17_000
    # the favourites of each place come back, and a few places have most of the events
    assert 0.1 < report["statistics"]["repeat_rate"] < 0.9
    assert report["statistics"]["all"]["max"] > 20 * report["statistics"]["all"]["mean"]
    slots = collections.Counter(row[1].split("|")[0] for row in world.read_inter(tmp_path / "made")[1:])
    assert slots["03-06h"] < 0.5 * slots["18-21h"]
    users = world.read_table(tmp_path / "made", ".user").values()
    assert all(user["latitude"] for user in users)


def test_the_same_seed_gives_the_same_file(tmp_path):
    made = [
        dataset_converters.sample("nyc", tmp_path / f"{n}.csv", events=500, seed=seed).read_bytes()
        for n, seed in enumerate((1, 1, 2))
    ]
    assert made[0] == made[1] != made[2]


def test_years_and_gzip(world, tmp_path):
    path = dataset_converters.sample("chicago", tmp_path / "s.csv.gz", events=300, year=2001, years=3)
    assert gzip.decompress(path.read_bytes()).count(b"\n") == 301
    dataset_converters.chicago(path, tmp_path / "made", min_events=1)
    assert {row[3][:4] for row in world.read_inter(tmp_path / "made")[1:]} == {"2001", "2002", "2003"}


def test_numbers_are_unique(tmp_path):
    for city in ("nyc", "chicago"):
        path = dataset_converters.sample(city, tmp_path / f"{city}.csv", events=210_000)
        rows = path.read_text(encoding="utf-8").splitlines()[1:]
        assert len({row.split(",")[city == "chicago"] for row in rows}) == 210_000


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"city": "paris"}, "the cities are nyc and chicago"),
        ({"events": 0}, "--events is 0"),
        ({"years": 0}, "--years is 0"),
        ({"seed": -1}, "--seed is -1"),
    ],
)
def test_samples_that_make_no_sense(tmp_path, options, said):
    with pytest.raises(ConversionError, match=said):
        dataset_converters.sample(**{"city": "nyc", "output": tmp_path / "s.csv", **options})
    assert not list(tmp_path.iterdir())


def test_an_existing_file_is_kept(tmp_path):
    path = tmp_path / "s.csv"
    path.write_text("mine", encoding="utf-8")
    with pytest.raises(ConversionError, match="exists already"):
        dataset_converters.sample("nyc", path, events=10)
    with pytest.raises(ConversionError, match="is a directory"):
        dataset_converters.sample("nyc", tmp_path, events=10)
    assert path.read_text(encoding="utf-8") == "mine"
    dataset_converters.sample("nyc", path, events=10, overwrite=True)
    assert path.read_text(encoding="utf-8").startswith("CMPLNT_NUM")
