"""Points on their way between two accounts of one person, inside a unit of work.

A merged account keeps its past and nothing else. Whatever happens to that past (a refund of an order that it was
awarded, a void) is posted there, as if it had never been merged; what it needs for that is recalled from the account
that has its points now, and what it is left with passes on. So the past of two accounts can be told apart again, and
the lots that a reversal takes or gives back are the same as without the merge.

Each move is two entries: MERGE_OUT of the one account and MERGE_IN of the other, whose keys follow from the key of what
caused it. A lot that moves keeps its dates and is named as the `origin` of the new one; when points move back, they
return to that lot.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import replace

from saleor_crm_plugin.loyalty.models import PointsTransaction, TransactionType
from saleor_crm_plugin.loyalty.posting import Posting, Source
from saleor_crm_plugin.loyalty.wallet import Consumption, Lot

OUT, IN = TransactionType.MERGE_OUT, TransactionType.MERGE_IN


def move_all(ledger: Posting, from_id: int, into_id: int, cause: Source) -> None:
    """Move everything that `from_id` has: points, what it owes, and what it has ever earned."""
    giver, taker = ledger.wallets[from_id], ledger.wallets[into_id]
    for lot in sorted(giver.lots.values(), key=lambda lot: lot.id):
        if lot.remaining:
            move_lot(ledger, from_id, into_id, lot, lot.remaining, cause)
    if giver.deficit:
        move_debt(ledger, from_id, into_id, giver.deficit, cause)
    taker.lifetime += giver.lifetime
    giver.lifetime = 0


def move_lot(
    ledger: Posting, from_id: int, into_id: int, lot: Lot, points: int, cause: Source
) -> tuple[PointsTransaction, Lot]:
    """Move `points` of a lot: back to the lot that they came from if that is there, else into a new one.

    Returns:
        The MERGE_OUT, and the lot that has the points now.
    """
    giver, taker = ledger.wallets[from_id], ledger.wallets[into_id]
    key = next_key(ledger, cause)
    # An order's points stay those of the order, whatever moves them.
    cause = replace(cause, order_id=ledger.order_of(lot.id))
    out = post(ledger, from_id, into_id, -points, key, cause, lambda: [giver.use(lot, points)], OUT)
    home = taker.lots.get(ledger.origin_of(lot.id) or 0)
    if home is None:
        entry = post(ledger, into_id, from_id, points, key, cause, None, IN)
        return out, ledger.open_lot(entry, points, lot.available_at, lot.expires_at, origin=lot)

    def come_home() -> list[Consumption]:
        return [taker.put_back(home, points, pending=lot.pending), *taker.settle()]

    post(ledger, into_id, from_id, points, key, cause, come_home, IN)
    return out, home


def recall(
    ledger: Posting,
    account_id: int,
    points: int,
    prefer: Iterable[int],
    cause: Source,
    *,
    only_preferred_pending: bool = False,
) -> None:
    """Bring up to `points` back to a merged account, from the lots that would be taken if it were not merged.

    Does nothing for an account that is not merged.

    Args:
        prefer: lots of the account that has its points now.
    """
    path = ledger.path_of(account_id)
    if len(path) == 1 or ledger.has_posted(cause.key):
        return
    head = ledger.wallets[path[-1]]
    for part in head.would_take(points, prefer, only_preferred_pending=only_preferred_pending):
        lot = head.lots[part.lot_id]
        for into_id, from_id in zip(path[-2::-1], path[:0:-1], strict=True):
            _, lot = move_lot(ledger, from_id, into_id, lot, part.points, cause)


def moved_from(ledger: Posting, lots: Collection[int], account_ids: Iterable[int]) -> list[int]:
    """Those lots of the accounts whose points were once in one of `lots`."""
    found = []
    for lot_id in (lot_id for account_id in account_ids for lot_id in ledger.wallets[account_id].lots):
        origin = ledger.origin_of(lot_id)
        while origin is not None and origin not in lots:
            origin = ledger.origin_of(origin)
        if origin is not None:
            found.append(lot_id)
    return found


def move_debt(ledger: Posting, from_id: int, into_id: int, points: int, cause: Source) -> PointsTransaction:
    """Move `points` of what an account owes: the other one pays them from its lots, or owes them now.

    Returns:
        The MERGE_OUT, which is positive.
    """
    giver, taker = ledger.wallets[from_id], ledger.wallets[into_id]

    def no_longer_owe() -> list[Consumption]:
        giver.pay_deficit(points)
        return []

    key = next_key(ledger, cause)
    out = post(ledger, from_id, into_id, points, key, cause, no_longer_owe, OUT)
    post(ledger, into_id, from_id, -points, key, cause, lambda: taker.take(points), IN)
    return out


def return_debt(
    ledger: Posting, from_id: int, into_id: int, points: int, paid: Iterable[Consumption], cause: Source
) -> PointsTransaction:
    """Undo `move_debt`: the lots that paid get their points back, the rest is no longer owed; the other one owes it.

    Returns:
        The MERGE_OUT, which is positive.
    """
    giver, taker = ledger.wallets[from_id], ledger.wallets[into_id]

    def recover() -> list[Consumption]:
        back = [giver.put_back(giver.lots[part.lot_id], part.points, pending=False) for part in paid]
        giver.pay_deficit(points + sum(part.points for part in back))
        return back

    key = next_key(ledger, cause)
    out = post(ledger, from_id, into_id, points, key, cause, recover, OUT)
    post(ledger, into_id, from_id, -points, key, cause, lambda: taker.take(points), IN)
    return out


def next_key(ledger: Posting, cause: Source) -> str:
    """Unique: what causes moves is posted once, and its moves are counted."""
    return f"{cause.key}:move:{ledger.number_move(cause.key)}"


def post(
    ledger: Posting,
    account_id: int,
    other_id: int,
    points: int,
    key: str,
    cause: Source,
    move: Callable[[], list[Consumption]] | None,
    kind: TransactionType,
) -> PointsTransaction:
    """Half of a move, for the same order and reason, and by the same actor, as what caused it."""
    source = replace(cause, key=f"{key}:{kind}", breakdown={"account": other_id}, reverses=None)
    entry = ledger.post(account_id, points, kind, source, move)
    assert entry is not None, "a move is a consequence of one entry, which is posted once"
    return entry
