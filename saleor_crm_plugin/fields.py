"""Column types that several domains share."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.db import models

# As wide as Saleor's own money columns (20 digits, 3 decimal places since 3.21).
MONEY_DIGITS = 20
MONEY_PLACES = 3
# The largest that columns of 32 and 64 bits hold. PostgreSQL refuses to compare one with more.
INTEGER_MAX = 2**31 - 1
BIGINT_MAX = 2**63 - 1
# No amount that is stored is as large.
AMOUNT_LIMIT = Decimal(10) ** (MONEY_DIGITS - MONEY_PLACES)
# PostgreSQL refuses a number with more digits after the point.
NUMERIC_PLACES_MAX = 16_383


def can_be_compared(amount: Decimal) -> bool:
    """Whether PostgreSQL can compare it with an amount: what has too many digits on either side would be an error."""
    exponent = amount.as_tuple().exponent
    # An infinity, or no number at all, has a letter there.
    if not isinstance(exponent, int):
        return False
    return amount.copy_abs() < AMOUNT_LIMIT and exponent >= -NUMERIC_PLACES_MAX


def money_field(**kwargs: Any) -> models.DecimalField[Any, Any]:
    """An amount; its currency stands in a `currency` column of the same row."""
    return models.DecimalField(max_digits=MONEY_DIGITS, decimal_places=MONEY_PLACES, **kwargs)


def saleor_key(to: str, *, unique: bool = False, null: bool = False, **kwargs: Any) -> models.ForeignKey[Any, Any]:
    """A reference to one of Saleor's rows that can never hinder Saleor.

    No constraint and DO_NOTHING: when Saleor deletes the row, Django's collector does not look at our table, so the
    shop works on even if our migrations were never run. A reference may dangle; reconciliation finds it.
    """
    field = models.OneToOneField if unique else models.ForeignKey
    return field(to, on_delete=models.DO_NOTHING, db_constraint=False, related_name="+", null=null, **kwargs)


class RealField(models.FloatField):  # type: ignore[type-arg]
    """Half a float: six digits in four bytes, for what is stored a hundred million times."""

    def db_type(self, connection: Any) -> str:
        return "real"
