from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError

from .....payment.models import TransactionItem as TransactionItemModel
from ....core.utils import from_global_id_or_error
from ...types import TransactionItem


def get_transaction_item(
    id: str | None, token: UUID | None, error_field_name: str = "id", qs: Any = None
) -> TransactionItemModel:
    """By the global id, which holds the token and not the primary key, or by the token."""
    if id:
        token = from_global_id_or_error(id, TransactionItem, raise_error=True)[1]
    items = TransactionItemModel.objects.all() if qs is None else qs
    item = items.filter(token=token).first()
    if item is None:
        raise ValidationError({error_field_name: ValidationError("There is no such transaction.", code="not_found")})
    return item
