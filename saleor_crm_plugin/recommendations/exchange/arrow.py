"""pyarrow, which only shops need that exchange training data: imported when it is used, and not before."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from saleor_crm_plugin.exceptions import ExchangeError

# The functions that we call exist since 14; 26 is tested.
INSTALL = "Parquet files need pyarrow: pip install 'saleor-crm-plugin[parquet]'."


def arrow() -> Any:
    """The module `pyarrow`.

    Raises:
        ExchangeError: it is not installed.
    """
    return _module("pyarrow")


def parquet() -> Any:
    """The module `pyarrow.parquet`.

    Raises:
        ExchangeError: it is not installed.
    """
    return _module("pyarrow.parquet")


def compute() -> Any:
    """The module `pyarrow.compute`.

    Raises:
        ExchangeError: it is not installed.
    """
    return _module("pyarrow.compute")


def _module(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise ExchangeError(INSTALL) from error
