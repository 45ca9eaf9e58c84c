from typing import Any

from django.core.exceptions import ValidationError

from ...discount.models import VoucherCode
from ...giftcard.models import GiftCard


class InvalidPromoCode(ValidationError):
    def __init__(self, message: Any = None, **kwargs: Any) -> None:
        super().__init__(
            message or {"promo_code": ValidationError("No such code is valid here.", code="invalid")}, **kwargs
        )


def promo_code_is_voucher(code: str) -> bool:
    return VoucherCode.objects.filter(code=code).exists()


def promo_code_is_gift_card(code: str) -> bool:
    return GiftCard.objects.filter(code=code).exists()
