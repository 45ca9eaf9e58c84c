"""An order of Saleor as it is now, reduced to what customers and points depend on.

Pure data: nothing here knows where it came from. `readers` fills it, `sync` compares it with what we stored.
Amounts are in the order's currency. Odd orders have a defined meaning rather than an error: without lines (nothing
bought), with a product that is gone (`product_id` None), zero or negative totals and quantities (kept as they are),
without user and e-mail (belongs to nobody).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from uuid import UUID

DRAFT = "draft"
CANCELLED = frozenset({"canceled", "expired"})
# Known to us, but not (yet, or any more) a purchase.
NOT_A_PURCHASE = CANCELLED | {DRAFT, "unconfirmed"}
# The origin of an order that Saleor makes to replace goods of another one.
REISSUE = "reissue"
# The origin of one that gift cards can have lowered the total of.
CHECKOUT = "checkout"
# Where an app computes taxes, the lines may add up to a little more than the total; no more than this share of them.
MOST_ROUNDING = Decimal("0.01")


@dataclass(frozen=True, slots=True)
class LineSnapshot:
    """A line of an order. The totals are those of the line after discounts, before refunds.

    `is_on_sale`: a promotion of the catalogue made it cheaper. `taken_back` is the share of it, 0 to 1, that was
    returned or that a refund was granted for, `returned` the pieces that came back. `base_total` is its price before
    discounts of the whole order, with or without tax as the shop enters prices. `unit_gross` is the price of a piece
    after discounts, rounded: so many of them may come to a little more or less than the total.
    """

    line_id: UUID
    product_id: int | None
    variant_id: int | None
    quantity: int
    total_gross: Decimal
    total_net: Decimal
    is_gift_card: bool
    product_type_id: int | None = None
    is_on_sale: bool = False
    taken_back: Fraction = Fraction(0)
    base_total: Decimal = Decimal(0)
    tax_rate: Decimal = Decimal(0)
    returned: int = 0
    unit_gross: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class OrderSnapshot:
    """An order at one moment.

    `updated_at` is when it last changed or expired; Saleor's own does not move then. `charged` is net of refunds that
    went through, and negative in odd data. `refunded` is the sum over all payments and transactions of the order, never
    negative. `overpaid` is what came in beyond the total, given back since or not. `paid_at` is None unless the order
    is fully paid, `fulfilled_at` unless it is fulfilled.
    `voucher_amount` is what the voucher of `voucher_code` took off; None if Saleor does not say. `voucher_is_gone`:
    staff have deleted it, and the order keeps the code.
    `let_go` is what was never paid and staff granted a refund of: Saleor asks for no more of it.
    `shipping_taken_back` is the share of the shipping price that a refund was granted for. `paid_by_card` is what each
    gift card paid, by its id, without those that staff have deleted; `charged_to_cards` is what all of them paid
    through transactions. `is_business`: it is billed to a company. `is_moved`: Saleor has given it to another channel
    than it was placed in.
    `email` is normalized, "" if the order has none; it is not part of the text that this object prints.
    """

    order_id: UUID
    number: int
    status: str
    origin: str
    channel_id: int
    currency: str
    user_id: int | None
    email: str
    placed_at: datetime
    updated_at: datetime
    total_gross: Decimal
    total_net: Decimal
    shipping_gross: Decimal
    shipping_net: Decimal
    charged: Decimal
    refunded: Decimal
    voucher_code: str
    voucher_amount: Decimal | None
    paid_at: datetime | None
    fulfilled_at: datetime | None
    lines: tuple[LineSnapshot, ...]
    shipping_taken_back: Fraction = Fraction(0)
    paid_by_card: Mapping[int, Decimal] = field(default_factory=dict)
    # Of these, those that paid through a transaction, which does not lower the total.
    charged_cards: frozenset[int] = frozenset()
    charged_to_cards: Decimal = Decimal(0)
    is_business: bool = False
    overpaid: Decimal = Decimal(0)
    is_moved: bool = False
    let_go: Decimal = Decimal(0)
    voucher_is_gone: bool = False

    def __repr__(self) -> str:
        # Ends up in logs and tracebacks: ids only, no personal data.
        return f"OrderSnapshot({self.order_id}, {self.status})"

    @property
    def gift_cards(self) -> Decimal:
        """What gift cards paid, also those that staff have deleted since."""
        known = self.paid_by_card.items()
        charged = sum((paid for card_id, paid in known if card_id in self.charged_cards), Decimal(0))
        return max(charged, self.charged_to_cards) + self._lowered()

    def _lowered_by_others(self, lowered: Decimal) -> Decimal:
        """What has lowered the total besides the gift cards that Saleor still knows: those that are deleted."""
        by_others = self.price_gross - self.total_gross - lowered
        is_by_cards = self.origin == CHECKOUT and by_others > self.price_gross * MOST_ROUNDING
        return by_others if is_by_cards else Decimal(0)

    @property
    def share_in_money(self) -> Fraction:
        """What of the price was to be paid otherwise than with the gift cards that have lowered the total."""
        price = self.price_gross
        if not 0 <= self.total_gross < price or self._lowered() <= 0:
            return Fraction(1)
        return Fraction(self.total_gross) / Fraction(price)

    def _lowered(self) -> Decimal:
        """What gift cards have lowered the total by."""
        known = sum(
            (paid for card_id, paid in self.paid_by_card.items() if card_id not in self.charged_cards), Decimal(0)
        )
        return known + self._lowered_by_others(known)

    @property
    def items(self) -> int:
        """Pieces that were bought."""
        return sum(max(line.quantity, 0) for line in self.lines)

    @property
    def returned_items(self) -> int:
        """Pieces of them that came back."""
        return sum(line.returned for line in self.lines)

    @property
    def price_gross(self) -> Decimal:
        """What the lines and the shipping cost, whoever paid with whatever."""
        return sum((line.total_gross for line in self.lines), self.shipping_gross)

    @property
    def is_draft(self) -> bool:
        """Still being put together by staff; we ignore it."""
        return self.status == DRAFT

    @property
    def is_cancelled(self) -> bool:
        """Cancelled, or expired unpaid."""
        return self.status in CANCELLED

    @property
    def is_replacement(self) -> bool:
        """Sent in place of goods of another order, which the customer has bought once: that one keeps counting."""
        return self.origin == REISSUE

    @property
    def is_confirmed(self) -> bool:
        """Not a draft, not unconfirmed, and not cancelled."""
        return self.status not in NOT_A_PURCHASE

    @property
    def counts(self) -> bool:
        """It is a purchase. Stays one when its money is refunded, unless it is cancelled too."""
        return self.is_confirmed and not self.is_replacement

    @property
    def given_back(self) -> Decimal:
        """What was refunded or let go of the price. Of more than that, what came in too much goes back first."""
        return max(self.refunded - self.overpaid, Decimal(0)) + self.let_go

    @property
    def is_paid_back(self) -> bool:
        """All money that came in was given back."""
        return self.refunded > 0 >= self.charged

    @property
    def is_fully_paid(self) -> bool:
        """All but what was let go was paid at some time; money given back since then does not undo that."""
        return fully_paid(self.total_gross, self.charged + self.let_go, self.refunded)


@dataclass(frozen=True, slots=True)
class CustomerSnapshot:
    """A user of the shop at one moment. `owns_email`: has shown that the address is theirs, and may log in."""

    user_id: int
    email: str
    owns_email: bool

    def __repr__(self) -> str:
        return f"CustomerSnapshot({self.user_id})"


def fully_paid(total_gross: Decimal, charged: Decimal, refunded: Decimal) -> bool:
    """Whether an order over `total_gross` was ever paid in full; an order over nothing always is."""
    return charged + refunded >= total_gross
