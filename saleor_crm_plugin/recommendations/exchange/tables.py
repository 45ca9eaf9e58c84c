"""Parquet files of others, read in pieces and believed in nothing.

A table is one file, or a directory of parts as Spark writes them, whose names give their order. Errors name the file,
the row group, the row in it and the column.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from saleor_crm_plugin.exceptions import ExchangeError
from saleor_crm_plugin.recommendations.exchange.arrow import arrow, compute, parquet

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]

WHOLE: Final = "whole numbers"
NUMBER: Final = "floating-point numbers"
NUMBERS: Final = "lists of floating-point numbers"
TEXT: Final = "texts"

# Rows taken at a time: 8,192 of 1,024 numbers are 32 MB.
BATCH_ROWS = 8_192
# Bytes of one column of a row group, not compressed, which a reader has to hold at once. Spark's have 128 MB.
LARGEST_COLUMN = 512 * 1024 * 1024
MOST_PARTS = 10_000
# Beyond it, sums of products would leave what 32 bits can hold.
LARGEST_NUMBER = 1e6


@dataclass(frozen=True, slots=True)
class Place:
    """Where some rows stand: those from `first` on of a row group of a file."""

    path: Path
    row_group: int
    first: int

    def error(self, message: str, row: int | None = None, column: str | None = None) -> ExchangeError:
        """An error of the given row of these, of a column, or of both."""
        number = None if row is None else self.first + row
        return ExchangeError(message, self.path, row_group=self.row_group, row=number, column=column)


class Table:
    """Some columns of one table.

    Args:
        path: the file, or the directory of its parts.
        columns: name -> what it must hold: `WHOLE`, `NUMBER`, `NUMBERS` or `TEXT`.
        optional: of these, which may be missing.
        rows: how many there must be.

    Raises:
        ExchangeError: it is missing, cut off, too large to read in pieces, of other columns, or not of so many rows.
    """

    def __init__(
        self, path: Path, columns: Mapping[str, str], rows: int, optional: frozenset[str] = frozenset()
    ) -> None:
        self.path = path
        self.rows = rows
        self._columns = columns
        # The files stay open from the check to the use.
        self._files = [(part, _opened(part)) for part in _parts(path)]
        for part, file in self._files:
            self._check(part, file, optional)
        present = set.intersection(*({field.name for field in file.schema_arrow} for _, file in self._files))
        self.columns = tuple(name for name in columns if name in present)
        found = sum(file.metadata.num_rows for _, file in self._files)
        if found != rows:
            raise ExchangeError(f"It holds {found:,} rows, and the manifest says {rows:,}: is a part missing?", path)

    def batches(self) -> Iterator[tuple[Place, dict[str, Any]]]:
        """The rows in their order, as arrays by column: int64, float64, (n, d) float32, or a list of texts.

        Raises:
            ExchangeError: a value is missing, not finite, too large, or a list of another length than the first.
        """
        width: int | None = None
        for part, file in self._files:
            for group in range(file.num_row_groups):
                first = 0
                batches = file.iter_batches(BATCH_ROWS, row_groups=[group], columns=list(self.columns))
                while True:
                    place = Place(part, group, first)
                    try:
                        batch = next(batches)
                    except StopIteration:
                        break
                    except (OSError, arrow().ArrowException) as error:
                        raise place.error(f"It cannot be read: {_first_line(error)}.") from error
                    if not len(batch):
                        continue
                    values = {}
                    for name in self.columns:
                        values[name] = _values(batch.column(name), self._columns[name], place, name, width)
                        if self._columns[name] == NUMBERS:
                            width = values[name].shape[1]
                    yield place, values
                    first += len(batch)

    def _check(self, part: Path, file: Any, optional: frozenset[str]) -> None:
        types = {field.name: field.type for field in file.schema_arrow}
        for name, wanted in self._columns.items():
            if name not in types:
                if name in optional:
                    continue
                raise ExchangeError(
                    f"The column is missing; there are {', '.join(types) or 'none'}.", part, column=name
                )
            if file.schema_arrow.names.count(name) > 1:
                raise ExchangeError("There are several columns of this name.", part, column=name)
            if not _holds(types[name], wanted):
                raise ExchangeError(f"It must hold {wanted}, not {types[name]}.", part, column=name)
        for group in range(file.num_row_groups):
            metadata = file.metadata.row_group(group)
            for number in range(metadata.num_columns):
                column = metadata.column(number)
                name = column.path_in_schema.partition(".")[0]
                if name in self._columns and column.total_uncompressed_size > LARGEST_COLUMN:
                    raise ExchangeError(
                        f"It has {column.total_uncompressed_size:,} bytes in one row group, of at most "
                        f"{LARGEST_COLUMN:,}: write smaller row groups.",
                        part,
                        row_group=group,
                        column=name,
                    )


def _parts(path: Path) -> list[Path]:
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise ExchangeError("The manifest names it, and it is not there.", path)
    parts = sorted(part for part in path.iterdir() if not part.name.startswith(("_", ".")))
    for part in parts:
        if part.suffix != ".parquet" or not part.is_file():
            raise ExchangeError("Beside its parts (*.parquet), a table's directory holds nothing.", part)
    if not parts:
        raise ExchangeError("The directory holds no parts (*.parquet).", path)
    if len(parts) > MOST_PARTS:
        raise ExchangeError(f"The table has {len(parts):,} parts, of at most {MOST_PARTS:,}: write fewer.", path)
    return parts


def _opened(part: Path) -> Any:
    try:
        return parquet().ParquetFile(part)
    except (OSError, arrow().ArrowException) as error:
        raise ExchangeError(f"It is no Parquet file, or was cut off: {_first_line(error)}.", part) from error


def _holds(found: Any, wanted: str) -> bool:
    types = arrow().types
    if wanted == WHOLE:
        return bool(types.is_integer(found))
    if wanted == NUMBER:
        return bool(types.is_floating(found))
    if wanted == TEXT:
        return bool(types.is_string(found) or types.is_large_string(found))
    is_list = types.is_list(found) or types.is_large_list(found) or types.is_fixed_size_list(found)
    return bool(is_list and types.is_floating(found.value_type))


def _values(column: Any, wanted: str, place: Place, name: str, width: int | None) -> Any:
    if column.null_count:
        valid = column.is_valid().to_numpy(zero_copy_only=False)
        raise place.error("A value is missing (null).", int(np.flatnonzero(~valid)[0]), name)
    if wanted == TEXT:
        return column.to_pylist()
    if wanted == WHOLE:
        try:
            return column.cast(arrow().int64()).to_numpy(zero_copy_only=False)
        except ValueError as error:
            raise place.error("A number is larger than 64 bits can hold.", column=name) from error
    if wanted == NUMBER:
        numbers = column.cast(arrow().float64()).to_numpy(zero_copy_only=False)
        _require_sane(numbers, 1, place, name)
        return numbers
    return _lists(column, place, name, width)


def _lists(column: Any, place: Place, name: str, width: int | None) -> Floats:
    lengths = compute().list_value_length(column).to_numpy(zero_copy_only=False)
    width = width or int(lengths[0])
    other = np.flatnonzero(lengths != width)
    if len(other):
        row = int(other[0])
        raise place.error(f"The list has {lengths[row]} numbers, and the first one has {width}.", row, name)
    if not width:
        raise place.error("The list is empty.", 0, name)
    flat = column.flatten()
    if flat.null_count:
        valid = flat.is_valid().to_numpy(zero_copy_only=False)
        raise place.error("A number in the list is missing (null).", int(np.flatnonzero(~valid)[0]) // width, name)
    numbers = flat.to_numpy(zero_copy_only=False)
    _require_sane(numbers, width, place, name)
    return np.ascontiguousarray(numbers, dtype=np.float32).reshape(-1, width)


def _require_sane(numbers: npt.NDArray[Any], width: int, place: Place, name: str) -> None:
    # A comparison with NaN is false, so this finds it, too.
    bad = np.flatnonzero(~(np.abs(numbers) <= LARGEST_NUMBER))
    if len(bad):
        number = float(numbers[bad[0]])
        what = f"beyond ±{LARGEST_NUMBER:,.0f}" if np.isfinite(number) else "not a finite number"
        raise place.error(f"{number} is {what}.", int(bad[0]) // width, name)


def _first_line(error: BaseException) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0].rstrip(".")
