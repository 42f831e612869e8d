"""By what data is known to be the same."""

from recbole_hail.data.hashes import data_hash


def test_a_datasets_name_is_no_pattern(tmp_path):
    """Of a dataset called x[1] no file was found, and any two contents had one hash."""
    found = set()
    for content in ("a", "bb"):
        (tmp_path / "x[1].inter").write_text(content)
        found.add(data_hash(tmp_path, "x[1]"))
    (tmp_path / "x1.inter").write_text("of another dataset")
    assert len(found) == 2 and data_hash(tmp_path, "x[1]") in found
