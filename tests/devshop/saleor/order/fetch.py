from dataclasses import dataclass

from ..account.models import User
from ..channel.models import Channel
from ..payment.models import Payment
from ..product.models import ProductVariant
from .models import Order, OrderLine


@dataclass
class OrderLineInfo:
    line: OrderLine
    quantity: int
    variant: ProductVariant | None = None
    replace: bool = False


@dataclass
class OrderInfo:
    order: Order
    channel: Channel
    customer: User | None
    customer_email: str | None
    payment: Payment | None
    lines_data: list[OrderLineInfo]


def fetch_order_info(order: Order) -> OrderInfo:
    return OrderInfo(
        order=order,
        channel=order.channel,
        customer=order.user,
        customer_email=order.get_customer_email(),
        payment=order.get_last_payment(),
        lines_data=fetch_order_lines(order),
    )


def fetch_order_lines(order: Order) -> list[OrderLineInfo]:
    lines = order.lines.select_related("variant")
    return [OrderLineInfo(line=line, quantity=line.quantity, variant=line.variant) for line in lines]
