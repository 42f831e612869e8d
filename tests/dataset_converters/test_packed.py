"""Files that are packed, and workbooks, which are archives too."""

import zipfile

import pytest

import dataset_converters
from dataset_converters import ConversionError


@pytest.mark.parametrize(
    ("members", "what"),
    [
        (["[Content_Types].xml", "xl/workbook.xml"], "an Excel workbook"),
        (["mimetype", "content.xml", "styles.xml"], "a LibreOffice document"),
    ],
)
def test_a_workbook_was_told_to_be_an_archive_without_a_data_file(tmp_path, members, what):
    path = tmp_path / "book.xlsx"
    with zipfile.ZipFile(path, "w") as archive:
        for name in members:
            archive.writestr(name, "text")
    with pytest.raises(ConversionError, match=f"book.xlsx: is {what}, not a CSV; .* save the sheet as CSV UTF-8"):
        dataset_converters.nyc(path, tmp_path / "made")


def test_an_old_workbook_was_told_to_be_damaged(tmp_path):
    (tmp_path / "book.xls").write_bytes(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600))
    with pytest.raises(ConversionError, match=r"book.xls: is an old Excel workbook, not a CSV"):
        dataset_converters.nyc(tmp_path / "book.xls", tmp_path / "made")
