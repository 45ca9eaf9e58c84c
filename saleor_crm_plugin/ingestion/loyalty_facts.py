"""Orders as loyalty sees them: snapshots, with what earning rules ask about products and customers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from saleor.order import OrderOrigin

from saleor_crm_plugin.ingestion import points_cards, vouchers
from saleor_crm_plugin.ingestion.catalogue import NOWHERE, Place, places_of
from saleor_crm_plugin.ingestion.currencies import in_coins
from saleor_crm_plugin.ingestion.referrals import bring_referrals_in_line
from saleor_crm_plugin.ingestion.settings import ShopSettings
from saleor_crm_plugin.ingestion.snapshots import LineSnapshot, OrderSnapshot
from saleor_crm_plugin.ingestion.tier_facts import tiers_of_orders
from saleor_crm_plugin.loyalty.accounts import default_program_id
from saleor_crm_plugin.loyalty.awards import EarningLine, EarningOrder
from saleor_crm_plugin.loyalty.models import Carrier
from saleor_crm_plugin.loyalty.orders import OrderFacts, bring_in_line
from saleor_crm_plugin.loyalty.rules.storage import named_segments
from saleor_crm_plugin.loyalty.segment_names import slugs_among
from saleor_crm_plugin.loyalty.terms import NO_TRAITS, CustomerTraits
from saleor_crm_plugin.profiles.traits import first_orders, rfm_groups_of_buyers, segment_slugs


def bring_points_in_line(
    orders: Sequence[OrderSnapshot], owner: Mapping[UUID, int], settings: ShopSettings, now: datetime, using: str
) -> int:
    """Post what the ledger lacks for these orders; returns how many entries. The caller holds the lock on each.

    Args:
        owner: profile id by order id.
    """
    program_id = default_program_id(using)
    # A shop without rules does not pay for them.
    facts = facts_of(orders, owner, settings, program_id, using, named=named_segments(program_id, using))
    posted = bring_in_line(facts, program_id, now, using)
    points_cards.retire({card_id for order in orders for card_id in order.paid_by_card}, using)
    vouchers.retire({order.voucher_code for order in orders if order.voucher_code}, using)
    # After the accounts are locked: who settles a referral takes its row last as well.
    bring_referrals_in_line(
        facts, lambda order, profile_id: _facts(order, profile_id, settings, {}, NO_TRAITS), now, using
    )
    return posted


def facts_of(
    orders: Sequence[OrderSnapshot],
    owner: Mapping[UUID, int],
    settings: ShopSettings,
    program_id: int,
    using: str,
    *,
    named: frozenset[str] | None,
) -> list[OrderFacts]:
    """The orders as loyalty sees them, in the same order.

    Args:
        owner: profile id by order id.
        named: segments that rules ask for; None: without what rules ask about products and customers.
    """
    places: Mapping[int, Place] = {}
    traits: Mapping[UUID, CustomerTraits] = {}
    if named is not None:
        places = places_of({line.product_id for order in orders for line in order.lines if line.product_id}, using)
        traits = _traits(orders, owner, named, using)
    tiers = tiers_of_orders(orders, owner, program_id, using)
    return [
        _facts(
            order,
            owner.get(order.order_id),
            settings,
            places,
            replace(traits.get(order.order_id, NO_TRAITS), tier=tiers.get(order.order_id)),
        )
        for order in orders
    ]


def _traits(
    orders: Iterable[OrderSnapshot], owner: Mapping[UUID, int], named: frozenset[str], using: str
) -> dict[UUID, CustomerTraits]:
    owned = [(order, owner[order.order_id]) for order in orders if order.order_id in owner]
    profile_ids = {profile_id for _, profile_id in owned}
    groups = rfm_groups_of_buyers(profile_ids, using)
    slugs = segment_slugs(profile_ids, using) if slugs_among(named) else {}
    first = first_orders([order.order_id for order, _ in owned], using)
    return {
        order.order_id: CustomerTraits(
            segments=segments_of(groups, profile_id, order.currency) | slugs.get(profile_id, frozenset()),
            is_first_order=order.order_id in first,
        )
        for order, profile_id in owned
    }


def segments_of(groups: Mapping[tuple[int, str], str], profile_id: int, currency: str) -> frozenset[str]:
    """A customer's RFM group, in the currency of the purchase."""
    return frozenset({groups[profile_id, currency]}) if (profile_id, currency) in groups else frozenset()


def _facts(
    order: OrderSnapshot,
    profile_id: int | None,
    settings: ShopSettings,
    places: Mapping[int, Place],
    traits: CustomerTraits,
) -> OrderFacts:
    loyalty = settings.loyalty_for(order.channel_id)
    return OrderFacts(
        order_id=order.order_id,
        channel_id=order.channel_id,
        profile_id=profile_id,
        is_purchase=order.is_confirmed,
        is_closed=order.is_cancelled,
        is_imported=order.origin == OrderOrigin.BULK_CREATE,
        is_replacement=order.is_replacement,
        is_moved=order.is_moved,
        placed_at=order.placed_at,
        paid_at=order.paid_at,
        fulfilled_at=order.fulfilled_at if order.is_fully_paid else None,
        carried=_carried(order),
        earning=EarningOrder(
            lines=[_line(line, places.get(line.product_id or 0, NOWHERE)) for line in order.lines],
            shipping_gross=order.shipping_gross,
            shipping_net=order.shipping_net,
            total_gross=order.total_gross,
            refunded_gross=order.given_back,
            shipping_taken_back=order.shipping_taken_back,
            gift_cards_gross=order.gift_cards,
            is_business=order.is_business,
        ),
        settings=loyalty,
        traits=traits,
    )


def _carried(order: OrderSnapshot) -> dict[Carrier, Decimal | None]:
    carried: dict[Carrier, Decimal | None] = {}
    if order.voucher_code:
        carried[order.voucher_code] = _off_goods(order)
    # A card that dies between two steps of Saleor's completion is emptied, though the total is computed without it.
    lowered = order.total_gross < in_coins(order.price_gross, order.currency)
    for card_id, paid in order.paid_by_card.items():
        carried[card_id] = paid if lowered or card_id in order.charged_cards else Decimal(0)
    return carried


def _off_goods(order: OrderSnapshot) -> Decimal | None:
    """What the voucher took off. On a checkout of goods for nothing, Saleor leaves what it took off others before.

    Of a deleted voucher the code stays, and nothing brings its discount back once staff have given an unconfirmed order
    one of their own and taken it off again.
    """
    goods = sum((line.base_total for line in order.lines), Decimal(0))
    if order.voucher_amount is not None:
        return min(order.voucher_amount, goods)
    # Prices are entered with tax or without.
    gross = sum((line.total_gross for line in order.lines), Decimal(0))
    net = sum((line.total_net for line in order.lines), Decimal(0))
    return Decimal(0) if order.voucher_is_gone and goods in (gross, net) else None


def _line(line: LineSnapshot, place: Place) -> EarningLine:
    return EarningLine(
        key=str(line.line_id),
        name="",
        gross=line.total_gross,
        net=line.total_net,
        is_gift_card=line.is_gift_card,
        taken_back=line.taken_back,
        product_id=line.product_id,
        product_type_id=line.product_type_id,
        category_ids=place.category_ids,
        collection_ids=place.collection_ids,
        is_on_sale=line.is_on_sale,
        base=line.base_total,
        tax_rate=line.tax_rate,
    )
