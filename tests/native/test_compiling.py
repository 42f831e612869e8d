"""The C code is found, compiled and kept without ever standing in the way of training."""

import json
import logging
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest
import torch

from recbole_hail import native
from recbole_hail.losses import blocks, fused_hail_loss_parts
from recbole_hail.losses.hail import HailSettings
from recbole_hail.native import compiling

NAMES = ("cc", "gcc", "clang")
needs_compiler = pytest.mark.skipif(not any(map(shutil.which, NAMES)), reason="needs cc, gcc or clang")


@pytest.fixture(autouse=True)
def fresh(tmp_path, monkeypatch):
    """An empty cache, an empty folder for temporary files, and nothing loaded before or after."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.delenv(native.SWITCH, raising=False)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    native._library.cache_clear()
    yield
    native._library.cache_clear()


@pytest.fixture
def quickly(monkeypatch):
    """Compiles without optimizing, in a tenth of the time, where what comes of it is not looked at closely."""
    monkeypatch.setattr(compiling, "FLAGS", [flag for flag in compiling.FLAGS if flag != "-O3"])


@pytest.fixture
def kept(tmp_path):
    return tmp_path / "cache/recbole_hail"


@pytest.fixture
def compiler(tmp_path, monkeypatch):
    """Makes $CC a program that answers --version and otherwise runs the given lines of sh."""

    def make(lines: str) -> None:
        program = tmp_path / "compiler"
        program.write_text(f'#!/bin/sh\n[ "$1" = --version ] && echo 1.0 && exit\n{lines}\n')
        program.chmod(0o700)
        monkeypatch.setenv("CC", str(program))

    return make


def loss():
    torch.manual_seed(0)
    hidden, table, bias = torch.randn(2, 9, 6), torch.randn(40, 6), torch.randn(40)
    return fused_hail_loss_parts(hidden, table, bias, torch.arange(9)).total


def works(library) -> bool:
    """It gives the cross-entropy of two equal logits."""
    block = blocks.NativeBlocks(torch.zeros(2), "none", HailSettings())
    ones = torch.ones(1)
    found = block(torch.zeros(1, 1, 2), torch.zeros(1, dtype=torch.long), ones, ones)
    return library is native.library() and found.terms[0].item() == pytest.approx(torch.tensor(2.0).log().item())


def assert_torch_takes_over(caplog, why: str) -> None:
    """None, one line in the log that says why, and a loss all the same."""
    with caplog.at_level(logging.DEBUG):
        assert native.library() is None
        assert loss().isfinite() and loss().isfinite()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    (message,) = caplog.messages
    assert why in message and "computed by torch, which is slower" in message and "RECBOLE_HAIL_NATIVE=0" in message


@needs_compiler
def test_compiled_once_and_kept_in_a_folder_of_the_users_own(kept, quickly, caplog):
    assert works(native.library())
    (file,) = kept.iterdir()
    assert kept.stat().st_mode & 0o777 == 0o700
    made = file.stat()
    native._library.cache_clear()
    assert works(native.library())
    assert file.stat() == made and not caplog.records


@needs_compiler
def test_gives_the_loss_that_torch_gives(monkeypatch):
    by_c = loss()
    assert native.library() is not None
    monkeypatch.setattr(native, "library", lambda: None)
    torch.testing.assert_close(by_c, loss(), rtol=1e-6, atol=0)


def test_without_a_compiler(monkeypatch, caplog, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    assert_torch_takes_over(caplog, "no C compiler was found ($CC, cc, gcc, clang)")


def test_with_a_compiler_that_does_not_exist(monkeypatch, caplog, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv("CC", "no-such-program -m64")
    assert_torch_takes_over(caplog, "no C compiler was found ($CC, cc, gcc, clang)")


def test_with_a_compiler_that_fails(compiler, caplog, kept):
    compiler('echo first >&2; echo "unknown flag" >&2; exit 3')
    assert_torch_takes_over(caplog, "failed with exit status 3: unknown flag")
    assert not list(kept.iterdir())


def test_with_a_compiler_that_never_ends(compiler, caplog, monkeypatch, kept):
    compiler("exec sleep 60")
    monkeypatch.setattr(compiling, "SECONDS", 0.5)
    assert_torch_takes_over(caplog, "timed out after 0.5 seconds")
    assert not list(kept.iterdir())


@pytest.mark.parametrize("lines", ["exit 0", 'for last; do :; done; echo no code > "$last"'])
def test_with_a_compiler_that_writes_something_else(compiler, caplog, lines):
    compiler(lines)
    assert_torch_takes_over(caplog, "the compiled code could not be loaded")


@needs_compiler
def test_code_without_the_function_is_not_used(monkeypatch, caplog, tmp_path):
    monkeypatch.setattr(compiling, "FOLDER", tmp_path)
    (tmp_path / "other.c").write_text("int other(void) { return 0; }\n")
    assert_torch_takes_over(caplog, "hail_rows")


@needs_compiler
def test_without_its_sources(monkeypatch, caplog, tmp_path):
    monkeypatch.setattr(compiling, "FOLDER", tmp_path / "missing")
    assert_torch_takes_over(caplog, "the compiled code could not be loaded")


@needs_compiler
@pytest.mark.parametrize("content", [b"", b"no code", b"\x7fELF"])
def test_a_damaged_file_is_made_anew(kept, quickly, caplog, content):
    kept.mkdir(mode=0o700, parents=True)
    file = kept / f"hail-{compiling.fingerprint(compiling.find_compiler())}.so"
    file.write_bytes(content)
    assert works(native.library())
    assert list(kept.iterdir()) == [file] and file.stat().st_size > 1000 and not caplog.records


def no_folder(cache):
    cache.write_text("")


def folder_of_all(cache):
    (cache / "recbole_hail").mkdir(parents=True)
    (cache / "recbole_hail").chmod(0o777)


@needs_compiler
@pytest.mark.parametrize("spoil", [no_folder, folder_of_all])
def test_a_cache_that_is_of_no_use_is_done_without(tmp_path, quickly, caplog, spoil):
    spoil(tmp_path / "cache")
    assert works(native.library())
    assert not list((tmp_path / "temporary").iterdir()) and not caplog.records
    assert not list((tmp_path / "cache").rglob("*.so"))


@needs_compiler
def test_the_name_tells_apart_all_that_the_code_depends_on(monkeypatch, compiler, tmp_path):
    found = {compiling.fingerprint(compiling.find_compiler())}
    monkeypatch.setattr(compiling, "FLAGS", (*compiling.FLAGS, "-g"))
    found.add(compiling.fingerprint(compiling.find_compiler()))
    monkeypatch.setattr(compiling.platform, "machine", lambda: "other")
    found.add(compiling.fingerprint(compiling.find_compiler()))
    monkeypatch.setattr(compiling, "_run", lambda command: "another version")
    found.add(compiling.fingerprint(compiling.find_compiler()))
    monkeypatch.setattr(compiling, "FOLDER", tmp_path / "sources")
    (tmp_path / "sources").mkdir()
    for name in ("other.c", "tiles.h"):
        for text in ("", "int other;"):
            (compiling.FOLDER / "other.c").touch()
            (compiling.FOLDER / "tiles.h").touch()
            (compiling.FOLDER / name).write_text(text)
            found.add(compiling.fingerprint(compiling.find_compiler()))
    compiler("exit 0")
    found.add(compiling.fingerprint(compiling.find_compiler()))
    assert len(found) == 8


def test_switched_off(monkeypatch, caplog, kept):
    monkeypatch.setenv(native.SWITCH, "0")
    with caplog.at_level(logging.DEBUG):
        assert native.library() is None and loss().isfinite()
    assert not caplog.records and not kept.exists()


PROGRAM = """
import json, torch
from recbole_hail import native
from recbole_hail.losses import fused_hail_loss_parts
from recbole_hail.native import compiling
compiling.FLAGS = [flag for flag in compiling.FLAGS if flag != "-O3"]  # which takes a compiler ten times as long
before = native._library.cache_info().currsize
inputs = torch.ones(2, 3, 4), torch.eye(5, 4), torch.zeros(5), torch.arange(3)
total = fused_hail_loss_parts(*inputs).total.item()
print(json.dumps([before, native.library() is not None, total]))
"""


@needs_compiler
def test_processes_that_start_at_once_each_get_it_and_importing_does_not_compile(kept):
    path = os.pathsep.join([str(Path(native.__file__).parents[2]), os.environ.get("PYTHONPATH", "")])
    environment = {**os.environ, "PYTHONPATH": path}
    started = [
        subprocess.Popen([sys.executable, "-c", PROGRAM], stdout=subprocess.PIPE, text=True, env=environment)
        for _ in range(2)
    ]
    answers = [json.loads(process.communicate(timeout=300)[0]) for process in started]
    assert answers == [[0, True, answers[0][2]]] * 2
    assert len(list(kept.iterdir())) == 1
