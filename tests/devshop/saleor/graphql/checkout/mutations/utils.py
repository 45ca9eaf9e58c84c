from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError

from ....checkout import models
from ....checkout.actions import call_checkout_event
from ....checkout.error_codes import CheckoutErrorCode
from ....checkout.fetch import fetch_checkout_info, fetch_checkout_lines
from ....checkout.utils import invalidate_checkout
from ....product.models import ProductChannelListing, ProductVariant
from ...core.mutations import BaseMutation
from ...core.validators import validate_one_of_args_is_in_mutation
from ...plugins.dataloaders import get_plugin_manager_promise
from ...product.types.products import ProductVariant as ProductVariantType
from ..types import Checkout


def get_checkout(
    mutation_class: type[BaseMutation],
    info: Any,
    checkout_id: str | None = None,
    token: UUID | None = None,
    id: str | None = None,
    qs: Any = None,
) -> models.Checkout:
    """The checkout by any of the three ids that clients may send."""
    validate_one_of_args_is_in_mutation("checkout_id", checkout_id, "token", token, "id", id)
    if qs is None:
        qs = models.Checkout.objects.select_related("channel", "billing_address", "shipping_address")
    if token is None:
        field = "id" if id else "checkout_id"
        return mutation_class.get_node_or_error(info, id or checkout_id, only_type=Checkout, field=field, qs=qs)
    checkout = qs.filter(token=token).first()
    if checkout is None:
        code = CheckoutErrorCode.NOT_FOUND.value
        raise ValidationError({"token": ValidationError("There is no such checkout.", code=code)})
    return checkout


def _changed(info: Any, checkout: models.Checkout, recalculate_discount: bool = True) -> None:
    """What every change of a checkout ends with: the discount fits again, prices are old, the hook fires."""
    manager = get_plugin_manager_promise(info.context).get()
    lines, _unavailable = fetch_checkout_lines(checkout)
    checkout_info = fetch_checkout_info(checkout, lines, manager)
    invalidate_checkout(checkout_info, lines, manager, recalculate_discount=recalculate_discount, save=True)
    call_checkout_event(manager, "checkout_updated", checkout)


def _add_lines(
    mutation_class: type[BaseMutation], info: Any, checkout: models.Checkout, data: list[dict[str, Any]]
) -> None:
    """Add to the lines of the same variants, or make new ones."""
    variants = {
        line["variant_id"]: mutation_class.get_node_or_error(
            info, line["variant_id"], field="variant_id", only_type=ProductVariantType
        )
        for line in data
    }
    _check_for_sale(list(variants.values()), checkout)
    existing = {line.variant_id: line for line in checkout.lines.all()}
    for line in data:
        variant = variants[line["variant_id"]]
        _check_quantity(line["quantity"], least=1)
        row = existing.get(variant.pk)
        if row is None:
            existing[variant.pk] = checkout.lines.create(
                variant=variant, quantity=line["quantity"], currency=checkout.currency
            )
        else:
            row.quantity += line["quantity"]
            row.save(update_fields=["quantity"])


def _set_quantities(
    mutation_class: type[BaseMutation], info: Any, checkout: models.Checkout, data: list[dict[str, Any]]
) -> None:
    """A quantity of zero removes the line; a variant that is not there yet comes in."""
    for line in data:
        quantity = line.get("quantity", 0)
        _check_quantity(quantity, least=0)
        lines = checkout.lines.all()
        if line.get("line_id"):
            row = lines.filter(pk=mutation_class.get_global_id_or_error(line["line_id"], "CheckoutLine")).first()
        else:
            pk = mutation_class.get_global_id_or_error(line["variant_id"], "ProductVariant", "variant_id")
            row = lines.filter(variant_id=pk).first()
        if row is None and line.get("variant_id") and quantity:
            _add_lines(mutation_class, info, checkout, [{**line, "quantity": quantity}])
        elif row is not None and quantity:
            row.quantity = quantity
            row.save(update_fields=["quantity"])
        elif row is not None:
            row.delete()


def _check_quantity(quantity: int, least: int) -> None:
    if quantity < least:
        code = CheckoutErrorCode.ZERO_QUANTITY.value
        raise ValidationError({"quantity": ValidationError(f"At least {least}.", code=code)})


def _check_for_sale(variants: list[ProductVariant], checkout: models.Checkout) -> None:
    for_sale = set(
        ProductVariant.objects.available_in_channel(checkout.channel)
        .filter(pk__in=[variant.pk for variant in variants])
        .values_list("pk", flat=True)
    )
    listings = ProductChannelListing.objects.filter(
        channel=checkout.channel, product_id__in={variant.product_id for variant in variants}
    )
    shown = {row.product_id for row in listings if row.is_visible and row.is_available_for_purchase()}
    missing = [
        variant.get_global_id() for variant in variants if variant.pk not in for_sale or variant.product_id not in shown
    ]
    if missing:
        code = CheckoutErrorCode.UNAVAILABLE_VARIANT_IN_CHANNEL.value
        error = ValidationError("Not for sale in this channel.", code=code, params={"variants": missing})
        raise ValidationError({"lines": error})
