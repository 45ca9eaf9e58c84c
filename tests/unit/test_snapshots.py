from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from saleor_crm_plugin.ingestion.snapshots import CustomerSnapshot, OrderSnapshot, fully_paid

PLACED = datetime(2024, 3, 1, 12, tzinfo=UTC)
ORDER = OrderSnapshot(
    order_id=UUID(int=7),
    number=7,
    status="unfulfilled",
    origin="checkout",
    channel_id=1,
    currency="USD",
    user_id=None,
    email="ada@example.com",
    placed_at=PLACED,
    updated_at=PLACED,
    total_gross=Decimal("100"),
    total_net=Decimal("80"),
    shipping_gross=Decimal("0"),
    shipping_net=Decimal("0"),
    charged=Decimal("0"),
    refunded=Decimal("0"),
    voucher_code="",
    voucher_amount=None,
    paid_at=None,
    fulfilled_at=None,
    lines=(),
)


@pytest.mark.parametrize(
    ("status", "counts", "is_cancelled", "is_draft"),
    [
        ("draft", False, False, True),
        ("unconfirmed", False, False, False),
        ("unfulfilled", True, False, False),
        ("partially fulfilled", True, False, False),
        ("fulfilled", True, False, False),
        ("partially_returned", True, False, False),
        ("returned", True, False, False),
        ("canceled", False, True, False),
        ("expired", False, True, False),
    ],
)
def test_what_a_status_means(status: str, counts: bool, is_cancelled: bool, is_draft: bool) -> None:
    order = replace(ORDER, status=status)

    assert (order.counts, order.is_cancelled, order.is_draft) == (counts, is_cancelled, is_draft)


def test_a_replacement_is_no_purchase() -> None:
    order = replace(ORDER, origin="reissue")

    assert (order.is_replacement, order.is_confirmed, order.counts) == (True, True, False)


@pytest.mark.parametrize(
    ("total", "charged", "refunded", "expected"),
    [
        ("100", "0", "0", False),
        ("100", "99.999", "0", False),
        ("100", "100", "0", True),
        ("100", "120", "0", True),
        # What was given back had been paid.
        ("100", "60", "40", True),
        ("100", "0", "100", True),
        ("100", "60", "39.999", False),
        ("0", "0", "0", True),
        ("-5", "0", "0", True),
        ("0", "-1", "0", False),
    ],
)
def test_when_an_order_is_fully_paid(total: str, charged: str, refunded: str, expected: bool) -> None:
    order = replace(ORDER, total_gross=Decimal(total), charged=Decimal(charged), refunded=Decimal(refunded))

    assert order.is_fully_paid is expected
    assert fully_paid(order.total_gross, order.charged, order.refunded) is expected


@pytest.mark.parametrize(
    ("refunded", "overpaid", "given_back"),
    [("30", "0", "30"), ("100", "100", "0"), ("130", "100", "30"), ("50", "100", "0")],
)
def test_what_came_in_too_much_goes_back_first(refunded: str, overpaid: str, given_back: str) -> None:
    order = replace(ORDER, refunded=Decimal(refunded), overpaid=Decimal(overpaid))

    assert order.given_back == Decimal(given_back)


def test_snapshots_print_no_personal_data() -> None:
    customer = CustomerSnapshot(user_id=3, email="ada@example.com", owns_email=True)

    assert "ada" not in repr(ORDER) + str(ORDER) + repr(customer)
    assert str(ORDER.order_id) in repr(ORDER)
