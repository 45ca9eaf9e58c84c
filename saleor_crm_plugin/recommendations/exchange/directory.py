"""A directory that holds one whole export, or none.

Files are written beside what is there and take its place at the end, the manifest last: whoever finds a manifest finds
all that it names. Everything happens inside of the directory, which may be the root of a mounted volume, and which
other file systems could not be renamed into.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from saleor_crm_plugin.exceptions import ExchangeError

# What makes a directory ours. It is locked while one of us writes, and stays.
MARKER = ".crm-export"
_WRITING = ".writing"


@contextmanager
def replacing(directory: Path, names: Collection[str], manifest: str) -> Iterator[Path]:
    """Yields a directory to write into. When the block ends well, its entries replace those in `directory`.

    A block that fails, a full disk or a killed process leaves the older export as it was; what lies about then is
    removed by the next export. Other files in the directory are left alone.

    Args:
        names: of the entries that an export may consist of, without the manifest.
        manifest: name of the file that makes an export whole, which the block writes, too.

    Raises:
        ExchangeError: the directory cannot be used, holds something else, or is being written by another process.
    """
    _claim(directory)
    with (directory / MARKER).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise ExchangeError("Another export is being written here. Wait for it to end.", directory) from error
        writing = directory / _WRITING
        shutil.rmtree(writing, ignore_errors=True)
        writing.mkdir()
        try:
            yield writing
            _swap(directory, writing, [*names, manifest])
        finally:
            shutil.rmtree(writing, ignore_errors=True)


def _claim(directory: Path) -> None:
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if any(directory.iterdir()) and not (directory / MARKER).is_file():
            raise ExchangeError(
                "The directory is not empty, and holds no export of ours. Name a new one, or empty it.", directory
            )
        (directory / MARKER).touch()
    except OSError as error:
        raise ExchangeError(f"The directory cannot be written: {error.strerror}.", directory) from error


def _swap(directory: Path, writing: Path, names: list[str]) -> None:
    """The last of the names goes first and comes last."""
    for path in (writing, *writing.rglob("*")):
        _to_disk(path)
    old = writing / "old"
    old.mkdir()
    for name in reversed(names):
        if (directory / name).exists():
            os.rename(directory / name, old / name)
    for name in names:
        if (writing / name).exists():
            os.rename(writing / name, directory / name)
    _to_disk(directory)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
