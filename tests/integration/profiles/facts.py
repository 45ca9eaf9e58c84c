"""Order facts for tests, with everything optional."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from uuid import uuid4

from saleor_crm_plugin.profiles.orders import OrderFact

PLACED = datetime(2024, 3, 1, 12, tzinfo=UTC)


def make_fact(profile_id: int, gross: int | str = 100, refunded: int | str = 0, **fields: Any) -> OrderFact:
    return OrderFact(
        **{
            "order_id": uuid4(),
            "profile_id": profile_id,
            "channel_id": 1,
            "currency": "USD",
            "placed_at": PLACED,
            "counts": True,
            "gross_amount": Decimal(gross),
            "refunded_amount": Decimal(refunded),
            **fields,
        }
    )
