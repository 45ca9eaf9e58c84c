"""`manifest.json`: what a directory holds. Written last, so that a directory without one holds nothing whole."""

from __future__ import annotations

import datetime
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from saleor_crm_plugin.exceptions import ExchangeError

NAME: Final = "manifest.json"
EXPORT_FORMAT: Final = "saleor-crm-plugin/purchases"
RESULTS_FORMAT: Final = "saleor-crm-plugin/recommendations"
VERSION: Final = 1

# Bytes. Ours of ten years in a thousand parts has 200 KB.
_LARGEST = 4 * 1024 * 1024
_ENGINE_LENGTH = 200


@dataclass(frozen=True, slots=True)
class Results:
    """What another engine says that it delivers.

    Attributes:
        engine: by what, for people.
        learnt_until: the moment up to which purchases were learnt from: `until` of the export.
        rows: name of a file, or of a directory of parts -> its rows.
        export: id of the export that it learnt from, or empty.
    """

    engine: str
    learnt_until: datetime.datetime
    rows: dict[str, int]
    export: str = ""


def write(directory: Path, content: Mapping[str, Any]) -> None:
    with (directory / NAME).open("w", encoding="utf-8") as file:
        json.dump(content, file, indent=2, ensure_ascii=False)
        file.write("\n")


def checksum(path: Path) -> str:
    """SHA-256 in hexadecimal digits."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def read_results(directory: Path, known: tuple[str, ...], now: datetime.datetime) -> Results:
    """The manifest of results.

    Args:
        known: names that may be delivered.

    Raises:
        ExchangeError: there is none, it does not parse, or it says what cannot be.
    """
    path = directory / NAME
    content = _parsed(path)
    if content.get("format") != RESULTS_FORMAT:
        raise ExchangeError(f"`format` must be {RESULTS_FORMAT!r}, not {_shown(content.get('format'))}.", path)
    if content.get("version") != VERSION:
        raise ExchangeError(f"`version` must be {VERSION}, not {_shown(content.get('version'))}.", path)
    engine, export, rows = content.get("engine"), content.get("export", ""), content.get("rows")
    if not isinstance(engine, str) or not 0 < len(engine) <= _ENGINE_LENGTH:
        raise ExchangeError(f"`engine` must be a text of up to {_ENGINE_LENGTH} characters.", path)
    if not isinstance(export, str) or len(export) > _ENGINE_LENGTH:
        raise ExchangeError("`export` must be the `id` of the export's manifest.", path)
    if not isinstance(rows, dict) or not rows:
        raise ExchangeError(f"`rows` must give the number of rows of each file, of {', '.join(known)}.", path)
    for name, count in rows.items():
        if name not in known:
            raise ExchangeError(f"`rows` names {name!r}, which is none of {', '.join(known)}.", path)
        if not isinstance(count, int) or isinstance(count, bool) or count < 1:
            raise ExchangeError(f"`rows` of {name} must be a whole number from 1, not {_shown(count)}.", path)
    return Results(engine, _moment(content.get("learnt_until"), now, path), dict(rows), export)


def _parsed(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > _LARGEST:
            raise ExchangeError(f"It has more than {_LARGEST:,} bytes: this is no manifest.", path)
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ExchangeError(
            f"There is no {NAME}: it is written last, so the rest may not be whole.", path.parent
        ) from error
    except OSError as error:
        raise ExchangeError(f"It cannot be read: {error.strerror}.", path) from error
    # Also what is not UTF-8, and numbers or nesting that json gives up on.
    except (ValueError, RecursionError) as error:
        raise ExchangeError("It is not JSON.", path) from error
    if not isinstance(content, dict):
        raise ExchangeError("It must be a JSON object.", path)
    return content


def _moment(text: object, now: datetime.datetime, path: Path) -> datetime.datetime:
    try:
        moment = datetime.datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise ExchangeError(
            f"`learnt_until` must be a moment with its offset from UTC, like {now.isoformat(timespec='seconds')}: "
            "the `until` of the export's manifest.",
            path,
        )
    if moment > now:
        raise ExchangeError(f"`learnt_until` lies in the future: {text}.", path)
    return moment


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:60] + "…"
