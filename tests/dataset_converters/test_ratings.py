"""MovieLens and Amazon files."""

import gzip
import io
import itertools
import json
import random
import zipfile

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import dataset_converters
from dataset_converters import ConversionError

# 6 users; film 9 has 4 ratings and goes, and with it nothing else
RATINGS = [(user, film, 3, 978300000 + 60 * at) for user in range(1, 7) for at, film in enumerate([1, 2, 10, 3, 20])]
RATINGS += [(user, 9, 5, 978400000) for user in range(1, 5)]


def shuffled(rows, seed=1):
    rows = list(rows)
    random.Random(seed).shuffle(rows)
    return rows


def as_dat(rows):
    return "".join("::".join(map(str, row)) + "\n" for row in rows)


def as_csv(rows):
    return "userId,movieId,rating,timestamp\n" + "".join(",".join(map(str, row)) + "\n" for row in rows)


def as_data(rows):
    return "".join("\t".join(map(str, row)) + "\n" for row in rows)


LAYOUTS = {"ratings.dat": as_dat, "ratings.csv": as_csv, "u.data": as_data}


@pytest.mark.parametrize("name", LAYOUTS)
def test_movielens_layouts(world, tmp_path, name):
    path = tmp_path / name
    path.write_text(LAYOUTS[name](shuffled(RATINGS)), encoding="utf-8")
    report = dataset_converters.movielens(path, tmp_path / "ml")
    rows = world.read_inter(tmp_path / "ml")
    assert rows[0] == ["user_id:token", "item_id:token", "timestamp:float", "time:token"]
    assert rows[1] == ["1", "1", "0", "2000-12-31T22:00:00Z"] and len(rows) == 31
    assert [row[1] for row in rows[1:6]] == ["1", "2", "10", "3", "20"]
    assert report["rows"]["dropped"] == {"elements with fewer than 5 events": 4}
    assert list(world.read_table(tmp_path / "ml", ".item")) == ["1", "2", "3", "10", "20"]


def test_movielens_zip_says_what_ids_mean(world, tmp_path):
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("ml-1m/ratings.dat", as_dat(RATINGS))
        films = '1::Toy Story (1995)::Animation|Children\'s|Comedy\n10::Café "X"::Film-Noir\n99::No One::Drama\n'
        archive.writestr("ml-1m/movies.dat", films.encode("latin-1"))
        archive.writestr("ml-1m/users.dat", "1::F::1::10::48067\n2::M::56::16::70072\n")
        archive.writestr("ml-1m/README", "hello")
    path = tmp_path / "ml-1m.zip"
    path.write_bytes(packed.getvalue())
    dataset_converters.movielens(path, tmp_path / "ml")
    items, users = world.read_table(tmp_path / "ml", ".item"), world.read_table(tmp_path / "ml", ".user")
    assert items["1"]["title"] == "Toy Story (1995)" and items["1"]["genre"] == "Animation Children's Comedy"
    assert items["10"]["title"] == "Café %22X%22" and items["2"]["title"] == ""
    expected = {"user_id": "2", "gender": "M", "age": "56", "occupation": "16", "zip_code": "70072", "events": "5"}
    assert users["2"] == expected and users["5"]["gender"] == ""
    assert dataset_converters.check(tmp_path / "ml", candidates=1).findings == []


def test_movielens_files_beside_the_ratings(world, tmp_path):
    (tmp_path / "ratings.csv").write_text(as_csv(RATINGS), encoding="utf-8")
    films = 'movieId,title,genres\n1,"One, Two (1999)",Sci-Fi|(no genres listed)\n'
    (tmp_path / "movies.csv").write_text(films, encoding="utf-8")
    dataset_converters.movielens(tmp_path / "ratings.csv", tmp_path / "ml")
    item = world.read_table(tmp_path / "ml", ".item")["1"]
    assert item["title"] == "One, Two (1999)" and item["genre"] == "Sci-Fi"


def test_ml_1m_counts_come_from_dropping_rare_films(shared, tmp_path):
    """The published file has films with at least 5 events; put back as ratings, with rare films added, it returns."""
    counts: dict[str, int] = {}
    with gzip.open(shared / "ml-1m.txt.gz", "rt") as source, open(tmp_path / "ratings.dat", "w") as target:
        for line in source:
            user, film = line.split()
            counts[user] = counts.get(user, 0) + 1
            target.write(f"{user}::{film}::4::{978300000 + counts[user]}\n")
        target.writelines(f"{user}::{5000 + user % 290}::4::{978200000 + user}\n" for user in range(1, 599))
    report = dataset_converters.movielens(tmp_path / "ratings.dat", tmp_path / "ml-1m")
    made = report["statistics"]["all"]
    assert (made["generators"], made["elements"], made["events"]) == (6040, 3416, 999_611)
    assert report["rows"]["read"] == 1_000_209  # as in the real ratings.dat


def reviews(rows):
    return [
        {
            "reviewerID": f"A{user:04d}",
            "asin": f"B{item:09d}",
            "overall": 5.0,
            "unixReviewTime": time,
            "reviewText": "x",
        }
        for user, item, _, time in rows
    ]


def test_amazon_json_lines(world, tmp_path):
    path = tmp_path / "reviews.json.gz"
    path.write_bytes(gzip.compress("".join(json.dumps(row) + "\n" for row in reviews(shuffled(RATINGS))).encode()))
    report = dataset_converters.amazon(path, tmp_path / "toys")
    assert report["rows"]["kept"] == 30
    assert world.read_inter(tmp_path / "toys")[1] == ["A0001", "B000000001", "0", "2000-12-31T22:00:00Z"]


@pytest.mark.parametrize("layout", ["user first", "item first", "header", "2023"])
def test_amazon_tables(world, tmp_path, layout):
    lines = {
        "user first": [f"{r['reviewerID']},{r['asin']},5.0,{r['unixReviewTime']}" for r in reviews(RATINGS)],
        "item first": [f"{r['asin']},{r['reviewerID']},5.0,{r['unixReviewTime']}" for r in reviews(RATINGS)],
        "header": ["asin,reviewerID,unixReviewTime"]
        + [f"{r['asin']},{r['reviewerID']},{r['unixReviewTime']}" for r in reviews(RATINGS)],
        "2023": ["user_id,parent_asin,rating,timestamp"]
        + [f"{r['reviewerID']},{r['asin']},5.0,{r['unixReviewTime']}123" for r in reviews(RATINGS)],
    }
    path = tmp_path / "ratings.csv"
    path.write_text("\n".join(lines[layout]) + "\n", encoding="utf-8")
    dataset_converters.amazon(path, tmp_path / "toys")
    assert world.read_inter(tmp_path / "toys")[1] == ["A0001", "B000000001", "0", "2000-12-31T22:00:00Z"]


def test_amazon_core_goes_round_until_nothing_is_rare(tmp_path):
    # user 7 keeps film 30 alive only until user 7 goes for having 4 films
    rows = RATINGS + [(user, 30, 5, 978500000) for user in (1, 2, 3, 4, 7)] + [(7, n, 5, 978500000) for n in (1, 2, 3)]
    path = tmp_path / "reviews.json"
    path.write_text("\n".join(json.dumps(row) for row in reviews(rows)), encoding="utf-8")
    report = dataset_converters.amazon(path, tmp_path / "toys")
    assert report["statistics"]["all"]["elements"] == 5 and report["rows"]["kept"] == 30


def test_toys_counts(shared, tmp_path):
    times: dict[str, int] = {}
    with gzip.open(shared / "toys.txt.gz", "rt") as source, gzip.open(tmp_path / "toys.json.gz", "wt", 1) as target:
        for line in source:
            user, item = line.split()
            times[user] = times.get(user, 1_300_000_000) + 86_400
            target.write(f'{{"reviewerID": "A{user}", "asin": "B{item}", "unixReviewTime": {times[user]}}}\n')
    made = dataset_converters.amazon(tmp_path / "toys.json.gz", tmp_path / "toys")["statistics"]["all"]
    assert (made["generators"], made["elements"], made["events"]) == (19_412, 11_924, 167_597)


@settings(max_examples=20, deadline=None)
@given(
    rows=st.lists(
        st.tuples(st.integers(1, 4), st.integers(1, 6), st.just(4), st.integers(0, 3)), min_size=1, max_size=40
    ),
    layout=st.sampled_from(sorted(LAYOUTS)),
    data=st.data(),
)
def test_any_order_of_ratings_gives_the_same_files(tmp_path_factory, rows, layout, data):
    folder = tmp_path_factory.mktemp("ratings")
    made = []
    for name, order in (("ratings.dat", rows), (layout, data.draw(st.permutations(rows)))):
        path = folder / name
        path.write_text(LAYOUTS[name](order), encoding="utf-8")
        dataset_converters.movielens(path, folder / "ml", min_events=1, min_item_events=1, overwrite=True)
        made.append([(folder / "ml" / f"ml{suffix}").read_bytes() for suffix in (".inter", ".user", ".item")])
    assert made[0] == made[1]


def test_events_within_a_second_keep_their_order(world, tmp_path):
    """Amazon's files of 2023 have milliseconds, of which nothing was left: A B C D E became E B D A C."""
    path = tmp_path / "ratings.csv"
    rows = [f"u,{item},5.0,{978300000000 + 100 * place}" for place, item in enumerate("ABCDE")]
    path.write_text("\n".join(["user_id,parent_asin,rating,timestamp", *shuffled([*rows, rows[0]])]) + "\n")
    dataset_converters.amazon(path, tmp_path / "toys", min_events=1, min_item_events=1)
    written = world.read_inter(tmp_path / "toys")[1:]
    assert [row[1] for row in written] == list("ABCDE")
    assert {row[3] for row in written} == {"2000-12-31T22:00:00Z"}


def test_equal_times_do_not_follow_the_item_numbers(world, tmp_path):
    path = tmp_path / "ratings.dat"
    path.write_text(as_dat([(1, film, 5, 978300000) for film in range(1, 41)]), encoding="utf-8")
    dataset_converters.movielens(path, tmp_path / "ml", min_item_events=1)
    order = [int(row[1]) for row in world.read_inter(tmp_path / "ml")[1:]]
    rising = sum(a < b for a, b in itertools.pairwise(order))
    assert sorted(order) == list(range(1, 41)) and 10 < rising < 30


@pytest.mark.parametrize(
    ("convert", "name", "text", "said"),
    [
        ("movielens", "ratings.dat", "1::2::3\n", "row 1 has 5 fields instead of 7"),
        ("movielens", "ratings.dat", as_dat(RATINGS)[:-12], "is the last and is cut off"),
        ("movielens", "ratings.csv", "user,film\n1,2\n", "row 1 lacks item or movieid or movie_id, time or timestamp"),
        ("movielens", "ratings.dat", "1::2::3::yesterday\n", "row 1 'yesterday': unreadable time"),
        ("movielens", "ratings.dat", "::2::3::978300000\n", "row 1 '': no user"),
        ("amazon", "r.json", '{"reviewerID": "A"}\n', 'row 1 \'{"reviewerID": "A"}\': no item'),
        ("amazon", "r.json", '{"reviewerID": "A", "asin": "B"\n', "row 1 is not JSON"),
        (
            "amazon",
            "r.json",
            '{"reviewerID": "A", "asin": "B", "unixRev',
            "row 1 is not JSON (the last row is cut off)",
        ),
        ("amazon", "r.json", '{"reviewerID": "A", "asin": "B", "unixReviewTime": "x"}\n', "unreadable time"),
        ("movielens", "ratings.dat", "1::2::3::978300000000000\n", "row 1 '978300000000000': unreadable time"),
        *(
            ("amazon", "r.json", f'{{"reviewerID": {user}, "asin": {item}, "unixReviewTime": {time}}}\n', said)
            for user, item, time, said in [
                ('"A"', '"B"', "978300000000000", "unreadable time"),  # microseconds were times of no year
                ('"A"', '"B"', "9" * 23, "unreadable time"),
                ('["A"]', '"B"', "5", "unreadable user"),
                ('"A\\ud800"', '"B"', "5", "unreadable user"),
                ('"A"', "true", "5", "unreadable item"),
            ]
        ),
        ("amazon", "r.csv", "a,b\n1,2\n", "expected Amazon reviews as JSON lines, or a CSV"),
        ("amazon", "r.csv", "", "is empty"),
    ],
)
def test_bad_ratings(tmp_path, convert, name, text, said):
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConversionError) as caught:
        getattr(dataset_converters, convert)(path, tmp_path / "made")
    assert said in str(caught.value) and str(path) in str(caught.value)
    assert not (tmp_path / "made").exists()


def test_unusable_reviews_are_counted_where_tolerated(tmp_path):
    path = tmp_path / "r.json"
    lines = [json.dumps(row) for row in reviews(RATINGS)]
    path.write_text("\n".join([*lines, "{", '{"asin": "B"}']) + "\n", encoding="utf-8")
    report = dataset_converters.amazon(path, tmp_path / "made", tolerate="10%")
    assert report["rows"]["unusable"] == {"not JSON": 1, "no user": 1}
    assert len(report["rows"]["examples_of_unusable"]) == 2
