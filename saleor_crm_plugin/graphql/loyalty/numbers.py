"""Numbers that staff type, and that are shown to them."""

from __future__ import annotations

from decimal import Decimal

from saleor_crm_plugin.fields import INTEGER_MAX


def exact(value: Decimal, places: int, limit: Decimal) -> Decimal:
    """A number from a query comes as a float; what is not meant is cut off.

    What is out of range keeps all its digits: the domain refuses it, with the field.
    """
    # Taken with abs(), what has a million digits would be an error of its own.
    if not value.is_finite() or value.copy_abs() > limit:
        return value
    return Decimal(f"{value.quantize(Decimal(1).scaleb(-places)).normalize():f}")


def as_int(points: int) -> int:
    """Points as an Int can say them. Whoever has more is shown with the most: an error would hide the whole account."""
    return max(-INTEGER_MAX, min(points, INTEGER_MAX))
