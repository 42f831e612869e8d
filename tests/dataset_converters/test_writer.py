"""Writing a dataset folder: everything or nothing."""

import errno
import os

import pytest

import dataset_converters
from dataset_converters import ConversionError, writer


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "pairs.txt"
    path.write_text("a x\na y\nb x\nb y\nb NA\n", encoding="utf-8")
    return path


def contents(folder):
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_files_are_utf8_with_line_feeds_and_typed_headers(source, tmp_path):
    dataset_converters.sequences(source, tmp_path / "made")
    made = contents(tmp_path / "made")
    assert sorted(made) == ["made.inter", "made.item", "made.json", "made.user"]
    assert made["made.inter"] == (
        b"user_id:token\titem_id:token\ttimestamp:float\na\tx\t0\na\ty\t1\nb\tx\t0\nb\ty\t1\nb\t%4EA\t2\n"
    )
    assert made["made.user"] == b"user_id:token\tevents:float\na\t2\nb\t3\n"
    assert made["made.item"] == b"item_id:token\tevents:float\nx\t2\ny\t2\n%4EA\t1\n"


def test_an_existing_dataset_is_replaced_only_with_overwrite(source, tmp_path):
    dataset_converters.sequences(source, tmp_path / "made")
    (tmp_path / "made" / "mine.txt").write_text("kept", encoding="utf-8")
    before = contents(tmp_path / "made")
    source.write_text("a z\n", encoding="utf-8")
    with pytest.raises(ConversionError, match=r"holds made\.inter, .* already; add --overwrite"):
        dataset_converters.sequences(source, tmp_path / "made")
    assert contents(tmp_path / "made") == before
    dataset_converters.sequences(source, tmp_path / "made", overwrite=True)
    after = contents(tmp_path / "made")
    assert sorted(after) == sorted(before) and b"a\tz\t0" in after["made.inter"] and after["mine.txt"] == b"kept"


# A new dataset takes four renames; replacing one sets its four files aside first.
@pytest.mark.parametrize(("existing", "fail_at"), [(False, n) for n in range(4)] + [(True, n) for n in range(8)])
def test_a_failing_rename_leaves_the_old_dataset_or_none(source, tmp_path, monkeypatch, fail_at, existing):
    output = tmp_path / "new" / "made"
    if existing:
        dataset_converters.sequences(source, output)
        source.write_text("a z\nb z\n", encoding="utf-8")
    before = contents(output) if existing else None
    real, calls = os.replace, []

    def replace(old, new):
        calls.append(new)
        if len(calls) == fail_at + 1:
            raise OSError(errno.ENOSPC, "No space left on device", str(old))
        real(old, new)

    monkeypatch.setattr(writer.os, "replace", replace)
    with pytest.raises(ConversionError, match="No space left on device"):
        dataset_converters.sequences(source, output, overwrite=True)
    monkeypatch.undo()
    if existing:
        assert contents(output) == before
    else:
        assert not (tmp_path / "new").exists()


def test_output_that_is_a_file_or_has_no_name(source, tmp_path):
    with pytest.raises(ConversionError, match="is a file; name a folder"):
        dataset_converters.sequences(source, source)
    with pytest.raises(ConversionError, match="needs a folder name"):
        dataset_converters.sequences(source, "/")


def test_output_that_is_no_name_at_all(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    with pytest.raises(ConversionError, match="'': needs a folder name"):
        dataset_converters.sequences(source, "")
    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_that_may_not_be_written_is_refused_before_the_work(source, tmp_path, monkeypatch):
    monkeypatch.setattr(writer.os, "access", lambda path, mode: path != tmp_path)
    with pytest.raises(ConversionError, match=f"{tmp_path} is not a folder in which you may write"):
        dataset_converters.sequences("not read", tmp_path / "new" / "made")
    with pytest.raises(ConversionError, match=f"{source} is not a folder in which you may write"):
        dataset_converters.sequences("not read", source / "made")


def test_output_given_with_a_slash_or_dots(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    dataset_converters.sequences(source, "made/")
    dataset_converters.sequences(source, "made/../other/.")
    assert (tmp_path / "made/made.inter").exists() and (tmp_path / "other/other.inter").exists()
