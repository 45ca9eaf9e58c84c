"""Arguments that several commands have."""

from __future__ import annotations

import argparse
from datetime import datetime

from saleor_crm_plugin.config.parsing import Instant


def instant(text: str) -> datetime:
    """A moment, as `argparse` takes it: a date (its first moment) or a date and time, in UTC unless it says otherwise.

    Raises:
        ArgumentTypeError: something else; the message says what to write.
    """
    try:
        return Instant()(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
