"""Column types that nearly every table of the shop has."""

from decimal import Decimal
from typing import Any

from django.conf import settings
from django.db import models


def amount(**options: Any) -> models.DecimalField:
    return models.DecimalField(
        max_digits=settings.DEFAULT_MAX_DIGITS, decimal_places=settings.DEFAULT_DECIMAL_PLACES, **options
    )


def amount_from_zero() -> models.DecimalField:
    return amount(default=Decimal(0))


def rate(**options: Any) -> models.DecimalField:
    return models.DecimalField(max_digits=5, decimal_places=4, **options)


def currency() -> models.CharField:
    return models.CharField(max_length=settings.DEFAULT_CURRENCY_CODE_LENGTH)


def language() -> models.CharField:
    return models.CharField(max_length=35, default=settings.LANGUAGE_CODE)


def external_reference() -> models.CharField:
    return models.CharField(max_length=250, unique=True, null=True, blank=True)
