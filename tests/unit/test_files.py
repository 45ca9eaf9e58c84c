"""What is written to a path, and what is at the path then."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from saleor_crm_plugin.files import text_written_whole, written_whole


@contextmanager
def reader_of(pipe: Path) -> Iterator[int]:
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield reader
    finally:
        os.close(reader)


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"

    with text_written_whole(path) as file:
        file.write("ädä\r\n")
        (unfinished,) = tmp_path.iterdir()
        assert mode_of(unfinished) == 0o600

    assert path.read_bytes() == "ädä\r\n".encode()
    assert mode_of(path) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_who_might_read_what_was_there_may_read_what_is(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("of yesterday")
    path.chmod(0o640)

    with written_whole(path) as file:
        file.write(b"of today")
        assert path.read_text() == "of yesterday"

    assert (path.read_text(), mode_of(path)) == ("of today", 0o640)


def test_a_pipe_stays_one_and_its_reader_gets_what_is_written(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)

    with reader_of(pipe) as reader:
        with written_whole(pipe) as file:
            file.write(b"report")
        assert os.read(reader, 100) == b"report"

    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_a_link_stays_one(tmp_path: Path) -> None:
    path, link = tmp_path / "2026.csv", tmp_path / "newest.csv"
    path.write_text("of yesterday")
    link.symlink_to(path.name)

    with written_whole(link) as file:
        file.write(b"of today")

    assert link.is_symlink()
    assert path.read_text() == "of today"


def test_what_fails_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "customers.csv"
    path.write_text("of yesterday")

    def fail() -> None:
        with written_whole(path) as file:
            file.write(b"half of it")
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError):
        fail()

    assert path.read_text() == "of yesterday"
    assert list(tmp_path.iterdir()) == [path]
