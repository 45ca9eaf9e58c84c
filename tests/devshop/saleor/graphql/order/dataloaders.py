from collections import defaultdict
from collections.abc import Iterable

from ...order.models import Order, OrderLine
from ..core.dataloaders import DataLoader


class OrderByIdLoader(DataLoader[str, Order]):
    context_key = "order_by_id"

    def batch_load(self, keys: Iterable[str]) -> list[Order | None]:
        found = Order.objects.using(self.database_connection_name).in_bulk(keys)
        return [found.get(key) for key in keys]


class OrderLinesByOrderIdLoader(DataLoader[str, list[OrderLine]]):
    context_key = "orderlines_by_order"

    def batch_load(self, keys: Iterable[str]) -> list[list[OrderLine]]:
        by_order = defaultdict(list)
        for line in OrderLine.objects.using(self.database_connection_name).filter(order_id__in=keys):
            by_order[line.order_id].append(line)
        return [by_order[key] for key in keys]


class OrderLineByIdLoader(DataLoader[str, OrderLine]):
    context_key = "orderline_by_id"

    def batch_load(self, keys: Iterable[str]) -> list[OrderLine | None]:
        found = OrderLine.objects.using(self.database_connection_name).in_bulk(keys)
        return [found.get(key) for key in keys]
