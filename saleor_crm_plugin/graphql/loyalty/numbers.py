"""Numbers that staff type."""

from __future__ import annotations

from decimal import Decimal


def exact(value: Decimal, places: int, limit: Decimal) -> Decimal:
    """A number from a query comes as a float; what is not meant is cut off.

    What is out of range keeps all its digits: the domain refuses it, with the field.
    """
    # Taken with abs(), what has a million digits would be an error of its own.
    if not value.is_finite() or value.copy_abs() > limit:
        return value
    return Decimal(f"{value.quantize(Decimal(1).scaleb(-places)).normalize():f}")
