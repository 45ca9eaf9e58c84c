"""Models in files: arrays in NumPy's own format, numbers as JSON, no pickle."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from saleor_crm_plugin.exceptions import ModelFileError
from saleor_crm_plugin.files import written_whole
from saleor_crm_plugin.recommendations.learning.parameters import Parameters

# Raised whenever what is stored changes its meaning.
FORMAT_VERSION: Final = 1
_HEADER: Final = "header"

Record = TypeVar("Record")
Arrays = dict[str, npt.NDArray[Any]]


def write(path: Path, name: str, settings: Mapping[str, Any], arrays: Arrays) -> None:
    """Write whole or not at all: what stood there before stays until the new file is complete."""
    header = json.dumps({"format": FORMAT_VERSION, "model": name, "settings": settings}).encode()
    with written_whole(path) as file:
        np.savez(file, allow_pickle=False, **{_HEADER: np.frombuffer(header, dtype=np.uint8)}, **arrays)


def read(path: Path, name: str) -> tuple[dict[str, Any], Arrays]:
    """The settings and arrays of a model of this name.

    Raises:
        FileNotFoundError: there is no such file.
        ModelFileError: see `Model.load`.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {key: stored[key] for key in stored.files}
        header = json.loads(arrays.pop(_HEADER).tobytes())
    except FileNotFoundError:
        raise
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile, TypeError) as error:
        raise ModelFileError(f"{path} is not a saved model, or is damaged: {error}") from error
    if not isinstance(header, dict) or not isinstance(header.get("settings"), dict):
        raise ModelFileError(f"{path} is not a saved model, or is damaged: its header is none of ours.")
    if header.get("format") != FORMAT_VERSION:
        raise ModelFileError(
            f"{path} has format {header.get('format')}; this version reads {FORMAT_VERSION}. Train anew."
        )
    if header.get("model") != name:
        raise ModelFileError(f"{path} holds the model {header.get('model')!r}, not {name!r}.")
    return header["settings"], arrays


def parameters_of(path: Path, settings: Mapping[str, Any]) -> Parameters:
    """The parameters that a model was saved with.

    Raises:
        ModelFileError: this version has others.
    """
    try:
        return Parameters(**settings)
    except TypeError as error:
        raise ModelFileError(f"{path} was saved with other parameters ({error}). Train anew.") from error


def packed(prefix: str, record: Any) -> Arrays:
    """The fields of a dataclass as arrays; a number becomes an array of one."""
    return {f"{prefix}.{field.name}": np.asarray(getattr(record, field.name)) for field in fields(record)}


def unpacked(kind: type[Record], prefix: str, arrays: Arrays) -> Record:
    """A dataclass from what `packed` made of it.

    Raises:
        ModelFileError: an array is missing.
    """
    values: dict[str, Any] = {}
    for field in fields(kind):  # type: ignore[arg-type]
        try:
            value = arrays[f"{prefix}.{field.name}"]
        except KeyError as error:
            raise ModelFileError(f"The saved model lacks {error}.") from error
        values[field.name] = value if value.ndim else value.item()
    return kind(**values)
