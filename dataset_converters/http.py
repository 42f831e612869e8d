"""HTTP that survives a bad line: retries with back-off, resumption, and no half file taken for a whole one."""

from __future__ import annotations

import email.utils
import errno
import http.client
import os
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from dataset_converters.errors import ConversionError

TIMEOUT = 60.0
LONGEST_WAIT = 60.0
CHUNK = 1 << 18
DISK_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
AGENT = {"User-Agent": "recbole-hail dataset_converters"}
Result = TypeVar("Result")


class AttemptFailed(Exception):
    """An attempt failed in a way that another attempt may mend; `after` is the wait in seconds the server asks for."""

    def __init__(self, reason: str, after: float | None = None):
        super().__init__(reason)
        self.after = after


def check_url(url: str) -> str:
    """`url` without a slash at its end, if it is an http(s) address.

    Raises:
        ConversionError: it is not.
    """
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.netloc:
        raise ConversionError(f"--base-url is {url!r}; it must be like https://data.cityofnewyork.us")
    return url.rstrip("/")


def with_retries(url: str, attempt: Callable[[], Result], retries: int, wait: float) -> Result:
    """Calls `attempt` until it succeeds, at most 1 + `retries` times.

    Args:
        url: what is fetched, for the message.
        wait: seconds before the second attempt, doubled each time up to a minute; a server's Retry-After goes first.

    Raises:
        ConversionError: the server refuses for good, or the attempts are used up.
    """
    for number in range(retries + 1):
        try:
            return attempt()
        except urllib.error.HTTPError as error:
            with error:
                if error.code != 429 and error.code < 500:
                    said = " ".join(error.read(300).decode("utf-8", "replace").split())
                    raise ConversionError(
                        f"{url}: the server answers {error.code} {error.reason}: {said[:200]}"
                    ) from error
                problem = AttemptFailed(f"{error.code} {error.reason}", _retry_after(error.headers.get("Retry-After")))
        except (OSError, http.client.HTTPException) as error:  # URLError, timeouts and dropped connections are OSErrors
            if isinstance(error, OSError) and (error.filename or error.errno in DISK_FULL):
                raise  # the disk, which no further attempt mends
            problem = AttemptFailed(str(getattr(error, "reason", error)) or type(error).__name__)
        except AttemptFailed as error:
            problem = error
        if number < retries:
            time.sleep(min(wait * 2**number if problem.after is None else problem.after, LONGEST_WAIT))
    raise ConversionError(
        f"{url}: gave up after {retries + 1} attempts ({problem}); run the command again, it goes on where it stopped"
    )


def _retry_after(text: str | None) -> float | None:
    if text is None:
        return None
    if text.strip().isdigit():
        return float(text)
    try:
        return max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - time.time())
    except ValueError:
        return None


def get(url: str, headers: dict[str, str]) -> bytes:
    """One attempt at the whole body.

    Raises:
        AttemptFailed: the connection ended before the announced length.
    """
    with urllib.request.urlopen(urllib.request.Request(url, headers=AGENT | headers), timeout=TIMEOUT) as answer:
        try:
            return answer.read()
        except http.client.IncompleteRead as error:
            raise AttemptFailed(f"the answer ended after {len(error.partial)} bytes") from error


def fetch_file(url: str, path: Path, retries: int, wait: float, progress: bool) -> Path:
    """Downloads a large file to `path`; goes on with `<path>.part` if an earlier run left one.

    Raises:
        ConversionError: see `with_retries`; or the disk refuses.
    """
    part = path.with_name(path.name + ".part")
    with tqdm(unit="B", unit_scale=True, desc=path.name, disable=None if progress else True) as bar:
        with_retries(url, lambda: _fetch_rest(url, part, bar), retries, wait)
    os.replace(part, path)
    return path


def _fetch_rest(url: str, part: Path, bar: tqdm) -> None:
    held = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers=AGENT | ({"Range": f"bytes={held}-"} if held else {}))
    try:
        answer = urllib.request.urlopen(request, timeout=TIMEOUT)
    except urllib.error.HTTPError as error:
        if error.code == 416 and held:  # nothing beyond what is here: either it is complete, or another file
            error.close()
            if error.headers.get("Content-Range", "").endswith(f"/{held}"):
                return
            part.unlink()
            raise AttemptFailed("the part here is longer than the server's file") from error
        raise
    with answer:
        if answer.status != 206:
            held = 0
        length = answer.headers.get("Content-Length")
        bar.total = held + int(length) if length else None
        bar.update(held - bar.n)
        with open(part, "r+b" if held else "wb") as stream:
            stream.seek(held)
            got = 0
            while chunk := answer.read(CHUNK):
                stream.write(chunk)
                got += len(chunk)
                bar.update(len(chunk))
        if length and got < int(length):
            raise AttemptFailed(f"the answer ended after {got:,} of {int(length):,} bytes")
