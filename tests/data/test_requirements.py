"""What is said of files that are no datasets, before RecBole stumbles over them."""

import pytest
from recbole.config import Config

from recbole_hail.data.requirements import check_files
from recbole_hail.errors import DataError

HEADER = "user_id:token\titem_id:token\ttimestamp:float\n"


@pytest.mark.parametrize(
    "content, message",
    [
        (b"", "holds no events; it needs a header and a line for each event"),
        (HEADER.encode(), "holds no events"),
        (b"\n\n", "holds no events"),
        ((HEADER + "caf\u00e9\te\t1\n").encode("latin-1"), "is not text in utf-8; .* as in --encoding=latin-1"),
        (b"\x89PNG\r\n\x1a\n\xff\xfe", "is not text in utf-8"),
        (b"user_id\titem_id:token\ttimestamp\na\tb\t1\n", "what 'user_id', 'timestamp' holds; write name:token"),
        (HEADER.replace("\t", ",").encode() + b"a,b,1\n", r"has user_id alone \(field_separator: '\\t'\)"),
    ],
)
def test_what_is_no_dataset_is_named(workplace, content, message):
    """Undecodable text ended in a traceback, the others in words of RecBole's or Python's own."""
    (workplace / "dataset" / "odd").mkdir(parents=True)
    (workplace / "dataset" / "odd" / "odd.inter").write_bytes(content)
    with pytest.raises(DataError, match=message):
        check_files(Config(model="HAIL", dataset="odd"))


def test_text_in_another_encoding_can_be_named(workplace):
    (workplace / "dataset" / "odd").mkdir(parents=True)
    (workplace / "dataset" / "odd" / "odd.inter").write_bytes((HEADER + "caf\u00e9\te\t1\n").encode("latin-1"))
    check_files(Config(model="HAIL", dataset="odd", config_dict={"encoding": "latin-1"}))
