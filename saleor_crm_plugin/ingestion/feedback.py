"""A customer rates an order of theirs: what was sent to them is read from Saleor, and rules may give points for it.

Only the user to whom the order belongs can, signed in: an e-mail address proves nothing. The answer stays with that
user's own profile, whomever it is merged with; points go to whoever has the points.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from django.db import transaction
from django.utils import timezone
from saleor.account.models import User
from saleor.order import FulfillmentStatus
from saleor.order.models import FulfillmentLine, Order

from saleor_crm_plugin.config import CRMSettings
from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.ingestion.actions import rules_in_force, segments_in_any_currency
from saleor_crm_plugin.ingestion.sending import sent_at
from saleor_crm_plugin.ingestion.settings import ShopSettings, load_settings
from saleor_crm_plugin.ingestion.tier_facts import review_accounts
from saleor_crm_plugin.loyalty import accounts
from saleor_crm_plugin.loyalty.actions import award_action, given_to_anybody
from saleor_crm_plugin.loyalty.rules.actions import Action
from saleor_crm_plugin.loyalty.rules.definition import Trigger
from saleor_crm_plugin.loyalty.rules.storage import segments_named_by
from saleor_crm_plugin.loyalty.tiers.queries import current_tiers
from saleor_crm_plugin.profiles.feedback import giving
from saleor_crm_plugin.profiles.feedback.giving import Answer, Purchase
from saleor_crm_plugin.profiles.feedback.models import OrderFeedback
from saleor_crm_plugin.profiles.identity import UserPerson, find_members, resolve_members
from saleor_crm_plugin.waiting import wait_for_erasures

USING: Final = "default"
FEEDBACK: Final = "feedback:"

# Goods that came back were sent before.
SENT = (
    FulfillmentStatus.FULFILLED,
    FulfillmentStatus.RETURNED,
    FulfillmentStatus.REFUNDED_AND_RETURNED,
    FulfillmentStatus.REPLACED,
)


def give_feedback(user: User, order_id: UUID, answer: Answer, now: datetime | None = None) -> OrderFeedback:
    """Store the user's answer for an order of theirs, and give what the rules give for it, once for an order.

    Raises:
        CustomerInputError: as `giving.give`; `NOT_FOUND` if the order is not theirs, `NOT_APPLICABLE` if nothing of it
            was sent yet.
    """
    now = now or timezone.now()
    settings = load_settings()
    order = Order.objects.filter(pk=order_id, user_id=user.pk).values("pk", "channel_id").first()
    if order is None:
        raise CustomerInputError("There is no such order of yours.", "NOT_FOUND", "orderId")
    purchase = _purchase(order_id, order["channel_id"], settings.crm)
    with transaction.atomic(using=USING):
        person = UserPerson(user.pk)
        own, head = resolve_members([person])[person]
        if own != head:
            # Both at once, in the order of an erasure: the answer is with one, the points are with the other.
            wait_for_erasures([own, head], USING)
        given = giving.give(own, purchase, answer, moderated=settings.crm.reviews_moderated, now=now)
        if not user.is_staff:
            _award(head, purchase, settings, given.created_at, now)
    return given


def change_feedback(user: User, order_id: UUID, answer: Answer, now: datetime | None = None) -> OrderFeedback:
    """Change the user's answer for an order.

    Raises:
        CustomerInputError: as `giving.change`; `NOT_FOUND` if the order is not theirs.
    """
    settings = load_settings().crm
    if not Order.objects.filter(pk=order_id, user_id=user.pk).exists():
        raise CustomerInputError("There is no such order of yours.", "NOT_FOUND", "orderId")
    own = find_members([UserPerson(user.pk)]).get(UserPerson(user.pk))
    if own is None:
        # Whoever has no profile has said nothing, and gets none for trying.
        raise giving.not_rated()
    return giving.change(
        order_id,
        own.profile_id,
        answer,
        edit_days=settings.feedback_edit_days,
        moderated=settings.reviews_moderated,
        now=now or timezone.now(),
    )


def _purchase(order_id: UUID, channel_id: int, settings: CRMSettings) -> Purchase:
    """
    Raises:
        CustomerInputError: `NOT_APPLICABLE`.
    """
    sent = list(
        FulfillmentLine.objects.filter(fulfillment__order_id=order_id, fulfillment__status__in=SENT)
        .order_by()
        .values_list(
            "order_line_id", "order_line__variant__product_id", sent_at("fulfillment__"), "fulfillment__status"
        )
    )
    if not sent:
        raise CustomerInputError("An order can be rated once something of it was sent.", "NOT_APPLICABLE", "orderId")
    # Of goods that came back, it is when they did; but of a fulfillment of which all did, Saleor keeps nothing else.
    first = [happened_at for *_, happened_at, status in sent if status == FulfillmentStatus.FULFILLED]
    return Purchase(
        order_id,
        channel_id,
        open_until=max(first or [happened_at for *_, happened_at, _ in sent]) + timedelta(days=settings.feedback_days),
        products={line_id: product_id for line_id, product_id, *_ in sent if product_id is not None},
    )


def _award(profile_id: int, purchase: Purchase, settings: ShopSettings, first: datetime, now: datetime) -> None:
    """`first`: when the order was first answered about, by which rules go. The caller has the answer locked."""
    in_force = rules_in_force(Trigger.FEEDBACK, settings, USING)
    occasion = f"{FEEDBACK}{purchase.order_id}"
    # The order may have been somebody else's, or of the same person under an account that is gone.
    if not in_force or given_to_anybody(occasion, USING):
        return
    account_id = accounts.ensure(accounts.default_program_id(), [profile_id], USING)[profile_id]
    tier = current_tiers([account_id], USING).get(account_id)
    action = Action(
        Trigger.FEEDBACK,
        occasion,
        timezone.localtime(first),
        channel_id=purchase.channel_id,
        segments=segments_in_any_currency([profile_id], segments_named_by(in_force), USING).get(
            profile_id, frozenset()
        ),
        tier_id=tier.tier_id if tier else None,
    )
    if award_action(account_id, action, in_force, now=now, using=USING) > 0:
        review_accounts({account_id}, now, USING)
