"""Nothing of Python's is in the hands of pyarrow's threads once a table has been read, however that ended."""

import os
import subprocess
import sys
import weakref

import pytest

from dataset_converters import ConversionError
from dataset_converters.table import TableReader
from dataset_converters.watched_source import PATIENCE, WatchedSource

# Some processes, each ending as a command does. A thread that waits for Python's lock gets it no earlier
# than the main thread lets go of it: without what is tested about one in ten was aborted.
ENDS = """
import os, sys
from dataset_converters.errors import ConversionError
from dataset_converters.table import TableReader

children = []
for _ in range(12):
    child = os.fork()
    if not child:
        break
    children.append(child)
else:
    print(*(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children))
    sys.exit()
sys.setswitchinterval(5)
try:
    list(TableReader("table.csv", lambda header: {"a": 0}).batches())
except ConversionError:
    sys.exit(2)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks processes")
def test_the_interpreter_ends_without_an_abort(tmp_path):
    """`terminate called without an active exception`, status 134, now and then, after errors and after success."""
    (tmp_path / "table.csv").write_text("a,b\n1,2\n1\n", encoding="utf-8")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    line = [sys.executable, "-c", ENDS]
    done = subprocess.run(line, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.stdout.split() == ["2"] * 12, done.stderr


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "a,b\n", "a,b\n1,2\n1\n", "a,b\n1,2\n1,\0\n", 'a,b\n1,"2\n1,2\n'])
@pytest.mark.parametrize("to_the_end", [True, False])
def test_all_is_back_when_a_reading_ends(tmp_path, monkeypatch, text, to_the_end):
    path = tmp_path / "table.csv"
    path.write_text(text, encoding="utf-8")
    monkeypatch.setattr("dataset_converters.text.BLOCK", 8)  # so that the NUL is met by a thread of pyarrow's
    lent, watch = [], WatchedSource.watch

    def note(source, thing):
        lent.append(weakref.ref(thing))
        return watch(source, thing)

    monkeypatch.setattr(WatchedSource, "watch", note)
    waited, wait = [], WatchedSource.wait
    monkeypatch.setattr(WatchedSource, "wait", lambda source: waited.append(wait(source)))
    batches = TableReader(path, lambda header: {"a": 0}).batches()
    try:
        next(batches, None)
        if to_the_end:
            list(batches)
    except ConversionError:
        assert text != "a,b\n1,2\n"
    batches.close()
    assert waited == [True] and len(lent) >= 3 and not any(thing() is not None for thing in lent)


def test_what_is_not_given_back_is_not_waited_for_without_end(monkeypatch):
    monkeypatch.setattr("dataset_converters.watched_source.PATIENCE", PATIENCE / 1000)
    source = WatchedSource(lambda size: b"")
    kept = source.watch(ConversionError())
    assert not source.wait()
    del kept
    assert source.wait()
