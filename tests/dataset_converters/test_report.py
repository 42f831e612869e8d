"""What a report says of its sources."""

from dataset_converters.report import fingerprint


def test_fingerprint(tmp_path):
    path = tmp_path / "abc"
    path.write_bytes(b"abc")
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert fingerprint(path) == {"file": "abc", "bytes": 3, "sha256": digest}
