"""When an order was placed. A draft is none: what staff began to write on Monday and completed on Friday was placed on
Friday, though `created_at` of Saleor's order stays on Monday.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final
from uuid import UUID

from django.db.models import Case, DateTimeField, F, Min, OuterRef, QuerySet, Subquery, When
from django.db.models.functions import Coalesce
from saleor.order import OrderEvents, OrderOrigin
from saleor.order.models import OrderEvent

# How orders begin that are drafts at first: a replacement is one, too.
FROM_DRAFT: Final = (OrderOrigin.DRAFT, OrderOrigin.REISSUE)


def placed_at() -> Case:
    """Of a row of orders. Asks for events only where the order has been a draft; without one, when it was created."""
    completed: QuerySet[Any, Any] = (
        OrderEvent.objects.filter(order_id=OuterRef("pk"), type=OrderEvents.PLACED_FROM_DRAFT)
        .order_by()
        .values("order_id")
        .annotate(value=Min("date"))
        .values("value")
    )
    return Case(
        When(
            origin__in=FROM_DRAFT,
            then=Coalesce(Subquery(completed, output_field=DateTimeField()), F("created_at")),
        ),
        default=F("created_at"),
        output_field=DateTimeField(),
    )


def begun_before(moment: datetime) -> list[UUID]:
    """Orders placed at or after a moment that had been drafts before it. One statement."""
    completed: QuerySet[Any, Any] = OrderEvent.objects.filter(
        type=OrderEvents.PLACED_FROM_DRAFT,
        date__gte=moment,
        order__origin__in=FROM_DRAFT,
        order__created_at__lt=moment,
    )
    return list(completed.order_by().values_list("order_id", flat=True).distinct())
