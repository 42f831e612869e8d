"""`check`: one finding for each thing that is wrong, none for a sound dataset."""

import gzip

import pytest

import dataset_converters
from dataset_converters import ConversionError

HEADER = "user_id:token\titem_id:token\ttimestamp:float\n"


def write(tmp_path, inter, **others):
    folder = tmp_path / "data"
    folder.mkdir(exist_ok=True)
    (folder / "data.inter").write_bytes(inter if isinstance(inter, bytes) else inter.encode())
    for suffix, text in others.items():
        (folder / f"data.{suffix}").write_text(text, encoding="utf-8")
    return folder


def rows(users=3, events=6, time=lambda user, rank: rank):
    return HEADER + "".join(f"u{u}\ti{r}\t{time(u, r)}\n" for u in range(users) for r in range(events))


def findings(folder, **options):
    return dataset_converters.check(folder, **{"candidates": 1, **options}).findings


def test_a_sound_dataset(tmp_path):
    checked = dataset_converters.check(write(tmp_path, rows()), candidates=6)
    assert checked.findings == [] and checked.notes == []
    assert checked.statistics["all"]["events"] == 18 and checked.statistics["without_last_two"]["max"] == 4
    assert str(checked).startswith("data: sound\n")


def test_what_the_converters_write_is_sound(world, tmp_path):
    path = tmp_path / "events.csv"
    path.write_bytes(world.nyc["24 columns"](world.random_events(1, 500)))
    dataset_converters.nyc(path, tmp_path / "nyc")
    checked = dataset_converters.check(tmp_path / "nyc", candidates=24)
    assert checked.findings == []
    assert checked.statistics == dataset_converters.nyc(path, tmp_path / "nyc", overwrite=True)["statistics"]


@pytest.mark.parametrize(
    ("inter", "said"),
    [
        (rows().replace("user_id:token", "user_id:string"), "row 1 has the field 'user_id:string'"),
        (rows().replace("item_id:token", "user_id:token"), "row 1 has the field 'user_id:token'"),
        (rows().replace("timestamp", "when"), "row 1 lacks timestamp"),
        (rows().replace("timestamp:float", "timestamp:token"), "timestamp is a token"),
        (
            rows().replace("timestamp:float", "timestamp:float_seq"),
            "timestamp is a float_seq; RecBole orders by a float",
        ),
        (rows().replace("user_id:token", "user_id:token_seq"), "user_id is a token_seq; RecBole numbers ids"),
        (
            HEADER.replace("\n", "\tv:float_seq\n") + "a\tx\t0\t1 2\na\ty\t1\t1 z\n",
            "row 3: v '1 z' is not numbers with blanks between",
        ),
        (rows().replace("\t", ","), "row 1 has the field 'user_id:token,item_id:token,timestamp:float'"),
        (HEADER, "has a header but no rows"),
        ("", "is empty"),
        (rows() + "u2\ti9\n", "1 rows are malformed; the first: row 20 has 2 fields instead of 3"),
        (rows().replace("u1\ti3", "NA\ti3"), "row 11: user_id 'NA' is read as a missing value"),
        (rows().replace("u1\ti3", "u1\t"), "row 11: item_id '' is read as a missing value"),
        (rows().replace("u1\ti3", 'u1\t"i3'), "row 11: item_id '\"i3' starts with a quote"),
        (rows().replace("u1\ti3\t3", "u1\ti3\tx"), "row 11: timestamp 'x' is not a number"),
        (rows().replace("u1\ti3\t3", "u1\ti3\tinf"), "row 11: timestamp 'inf' is not a number"),
        (rows().replace("u1\ti3", "u1\té").encode("cp1252"), "is not UTF-8"),
        (rows().encode("utf-16"), "is not UTF-8"),
        (
            rows(time=lambda user, rank: -rank),
            "15 rows stand before an earlier event of their generator (first: row 3)",
        ),
        (b"\xef\xbb\xbf" + rows().encode(), "starts with a byte-order mark"),
        (gzip.compress(rows().encode(), mtime=0), "is compressed; RecBole reads plain text"),
        (rows(time=lambda user, rank: 7), "15 events have the same time as the one before them"),
        (rows(time=lambda user, rank: rank // 3), "12 events have the same time as the one before them"),
        (rows(time=lambda user, rank: 1_450_000_000 + rank), "15 events get the same time as the one before them once"),
        (rows(events=4), "3 generators have fewer than 5 events (first: 'u0' with 4)"),
        (rows() + "u2\ti5\t5\n", "1 rows repeat the user_id, item_id and timestamp of another"),
    ],
)
def test_each_fault_is_found(tmp_path, inter, said):
    found = findings(write(tmp_path, inter))
    assert any(said in finding for finding in found), found


def test_too_few_candidates(tmp_path):
    (finding,) = dataset_converters.check(write(tmp_path, rows())).findings
    assert "has 6 elements; ranking among 100 candidates needs as many, so train with --candidates=full" in finding


def test_users_and_items(tmp_path):
    folder = write(
        tmp_path,
        rows(),
        user="user_id:token\tage:float\nu0\t\nu1\t3\nu1\t4\nu9\told\n",
        item="item_id:token\n" + "".join(f"i{n}\n" for n in range(7)),
    )
    checked = dataset_converters.check(folder, candidates=1)
    assert [finding.split(": ", 1)[1] for finding in checked.findings] == [
        "row 5: age 'old' is not a number",
        "1 rows repeat the user_id of another",
        "1 values of user_id are not described (first: 'u2')",
    ]
    assert checked.notes == [
        "data.user: 1 values of user_id have no event (first: 'u9')",
        "data.item: 1 values of item_id have no event (first: 'i6')",
    ]


def test_other_field_names(tmp_path):
    text = rows().replace("user_id", "session").replace("item_id", "track").replace("timestamp", "at")
    folder = write(tmp_path, text)
    assert findings(folder, user_field="session", item_field="track", time_field="at") == []
    assert "lacks user_id, item_id, timestamp" in findings(folder)[0]


def test_no_interactions_and_no_folder(tmp_path):
    (tmp_path / "data").mkdir()
    assert findings(tmp_path / "data") == ["data.inter is missing; RecBole looks for it by the folder's name"]
    with pytest.raises(ConversionError, match="is not a folder"):
        dataset_converters.check(tmp_path / "none")
