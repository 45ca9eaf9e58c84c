from collections.abc import Iterable

from promise import Promise

from ....checkout.fetch import (
    CheckoutInfo,
    CheckoutLineInfo,
    fetch_checkout_info,
    fetch_checkout_lines,
)
from ....checkout.models import Checkout
from ....core.db.connection import allow_writer_in_context
from ...core.dataloaders import DataLoader
from ...plugins.dataloaders import get_plugin_manager_promise


class _CheckoutByTokenLoader(DataLoader[str, Checkout]):
    context_key = "checkout_by_token"

    def batch_load(self, keys: Iterable[str]) -> list[Checkout | None]:
        checkouts = Checkout.objects.using(self.database_connection_name)
        checkouts = checkouts.select_related("channel", "user", "billing_address", "shipping_address")
        found = checkouts.prefetch_related("discounts").in_bulk(keys)
        return [found.get(key) for key in keys]


class CheckoutLinesInfoByCheckoutTokenLoader(DataLoader[str, list[CheckoutLineInfo]]):
    context_key = "checkoutlinesinfo_by_checkout"

    def batch_load(self, keys: Iterable[str]) -> Promise[list[list[CheckoutLineInfo]]]:
        database = self.database_connection_name

        def fetch(checkouts: list[Checkout]) -> list[list[CheckoutLineInfo]]:
            with allow_writer_in_context(self.context):
                return [fetch_checkout_lines(checkout, database_connection_name=database)[0] for checkout in checkouts]

        return _CheckoutByTokenLoader(self.context).load_many(keys).then(fetch)


class CheckoutInfoByCheckoutTokenLoader(DataLoader[str, CheckoutInfo]):
    context_key = "checkoutinfo_by_checkout"

    def batch_load(self, keys: Iterable[str]) -> Promise[list[CheckoutInfo]]:
        manager = get_plugin_manager_promise(self.context)
        checkouts = _CheckoutByTokenLoader(self.context).load_many(keys)
        lines = CheckoutLinesInfoByCheckoutTokenLoader(self.context).load_many(keys)
        database = self.database_connection_name

        def build(loaded: tuple) -> list[CheckoutInfo]:
            manager, checkouts, lines = loaded
            with allow_writer_in_context(self.context):
                return [
                    fetch_checkout_info(checkout, infos, manager, database_connection_name=database)
                    for checkout, infos in zip(checkouts, lines, strict=True)
                ]

        return Promise.all([manager, checkouts, lines]).then(build)
