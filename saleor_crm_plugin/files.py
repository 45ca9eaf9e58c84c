"""Files that are there whole, or not at all."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, TextIO


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """A file to write to, which takes its name when the block ends well. What stood there before stays until then.

    A new one is its owner's alone; one that takes the place of another may be read by whoever might read that. A pipe
    or a device is written to as it is: nothing can take its place.

    Raises:
        OSError: it cannot be written; nothing has changed.
    """
    if path.exists() and not path.is_file():
        with path.open("wb") as stream:
            yield stream
        return
    # What a link leads to is replaced, and not the link: /dev/stdout is one.
    target = path.resolve()
    handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
        if target.exists():
            shutil.copymode(target, temporary)
        os.replace(temporary, target)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


@contextmanager
def text_written_whole(path: Path) -> Iterator[TextIO]:
    """The same for text in UTF-8, whose ends of lines stay as they are."""
    with written_whole(path) as file, TextIOWrapper(file, encoding="utf-8", newline="") as text:
        yield text
