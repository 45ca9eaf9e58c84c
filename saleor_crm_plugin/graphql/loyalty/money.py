"""Money of ours as the API shows it."""

from __future__ import annotations

from decimal import Decimal
from typing import NamedTuple


class Amount(NamedTuple):
    """Root of Saleor's `Money`."""

    amount: Decimal
    currency: str
