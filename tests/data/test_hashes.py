"""By what data is known to be the same."""

from recbole_hail.data.hashes import data_hash, events_hash


def test_a_datasets_name_is_no_pattern(tmp_path):
    """Of a dataset called x[1] no file was found, and any two contents had one hash."""
    found = set()
    for content in ("a", "bb"):
        (tmp_path / "x[1].inter").write_text(content)
        found.add(data_hash(tmp_path, "x[1]"))
    (tmp_path / "x1.inter").write_text("of another dataset")
    assert len(found) == 2 and data_hash(tmp_path, "x[1]") in found


def test_a_copy_that_lies_beside_is_no_part_of_the_events(tmp_path):
    """`--resume` took x.backup.inter for a change of the data."""
    (tmp_path / "x.inter").write_text("a")
    config = {"data_path": tmp_path, "dataset": "x", "benchmark_filename": None}
    before = events_hash(config)
    (tmp_path / "x.backup.inter").write_text("b")
    assert events_hash(config) == before
    assert events_hash({**config, "benchmark_filename": ["backup"]}) != before
    (tmp_path / "x.inter").write_text("c")
    assert events_hash(config) != before
