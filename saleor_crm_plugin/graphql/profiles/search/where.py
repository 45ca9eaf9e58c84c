"""`where`: from what was asked to one condition of a queryset. Whatever is asked, the list is one SQL statement."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import Coalesce
from graphql import GraphQLError

from saleor_crm_plugin.exceptions import CustomerInputError
from saleor_crm_plugin.fields import can_be_compared
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.loyalty.tiers.models import TierMembership
from saleor_crm_plugin.profiles.consents.models import ConsentRecord
from saleor_crm_plugin.profiles.models import CustomerProfile, ProfileMetrics, ProfileOrder, RFMGroup
from saleor_crm_plugin.profiles.notes.models import CustomerTag
from saleor_crm_plugin.profiles.notes.tags import normalize_tag
from saleor_crm_plugin.profiles.segments.models import SegmentMembership

# Whatever a person clicks together stays far below; a machine that needs more wants a segment.
DEPTH_LIMIT: Final = 5
CONDITIONS_LIMIT: Final = 50
VALUES_LIMIT: Final = 100

_PROFILE = OuterRef("pk")
_OPERATORS = ("AND", "OR")


def condition_of(where: Mapping[str, Any]) -> Q:
    """
    Raises:
        GraphQLError: what was asked contradicts itself, is empty, or is too much; the message names the place.
    """
    # First of all, since every other look at it goes as deep as it is.
    if _size(where, 1) > CONDITIONS_LIMIT:
        raise GraphQLError(f"`where` takes up to {CONDITIONS_LIMIT} conditions.")
    return _node(where)


def _size(where: Mapping[str, Any], depth: int) -> int:
    if depth > DEPTH_LIMIT:
        raise GraphQLError(f"`where` is nested up to {DEPTH_LIMIT} deep.")
    parts = [part for operator in _OPERATORS for part in where.get(operator) or ()]
    return max(1, len(where.keys() - set(_OPERATORS))) + sum(_size(part, depth + 1) for part in parts)


def _node(where: Mapping[str, Any]) -> Q:
    given = {name: value for name, value in where.items() if value is not None}
    operators = [name for name in _OPERATORS if name in given]
    if operators and len(given) > 1:
        raise GraphQLError(f"`{operators[0]}` of `where` stands alone: put what is beside it into its list.")
    condition = Q()
    for name, value in given.items():
        if name in _OPERATORS:
            parts = [_node(part) for part in value]
            if not parts:
                raise GraphQLError(f"`{name}` of `where` has no conditions.")
            condition = parts[0]
            for part in parts[1:]:
                condition = condition & part if name == "AND" else condition | part
        else:
            condition &= _FIELDS[name](value)
    return condition


def _values(field: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The lookup, as keyword without its column: `exact`, `in`, `gte` and `lte`."""
    named = {name: given[name] for name in ("eq", "one_of", "range") if given.get(name) is not None}
    if len(named) != 1:
        raise GraphQLError(f"Give one of `eq`, `oneOf` and `range` for `{field}`, where it has them.")
    ((operator, value),) = named.items()
    if operator == "eq":
        return {"exact": value}
    return _range(field, value) if operator == "range" else {"in": _list(field, value)}


def _list(field: str, values: Sequence[Any]) -> list[Any]:
    if not 1 <= len(values) <= VALUES_LIMIT:
        raise GraphQLError(f"Give 1 to {VALUES_LIMIT} values for `{field}`.")
    return list(values)


def _range(field: str, given: Mapping[str, Any]) -> dict[str, Any]:
    bounds = {name: given[name] for name in ("gte", "lte") if given.get(name) is not None}
    if not bounds:
        raise GraphQLError(f"Give `gte`, `lte` or both for `{field}`.")
    if len(bounds) == 2 and bounds["gte"] > bounds["lte"]:
        raise GraphQLError(f"Nothing is in the range of `{field}`: `gte` is above `lte`.")
    return bounds


def _on(column: str, lookups: Mapping[str, Any]) -> Q:
    return Q(**{f"{column}__{lookup}": value for lookup, value in lookups.items()})


def _metrics(currency: str | None = None) -> QuerySet[ProfileMetrics]:
    rows = ProfileMetrics.objects.filter(profile=_PROFILE)
    return rows.filter(currency=currency.upper()) if currency else rows


def _keys(lookups: Mapping[str, Any], type_name: str) -> list[int]:
    ids = [lookups["exact"]] if "exact" in lookups else lookups["in"]
    return [integer_key(id, type_name) for id in ids]


def _ids(given: Sequence[str]) -> Q:
    return Q(pk__in=_keys({"in": _list("ids", given)}, "CustomerProfile"))


def _tags(given: Mapping[str, Any]) -> Q:
    named = {name: given[name] for name in ("contains_any", "contains_all") if given.get(name) is not None}
    if not named:
        raise GraphQLError("Give `containsAny`, `containsAll` or both for `tags`.")
    try:
        names = {name: {normalize_tag(tag) for tag in _list("tags", tags)} for name, tags in named.items()}
    except CustomerInputError as error:
        raise GraphQLError(str(error)) from error
    condition = Q()
    if any_of := names.get("contains_any"):
        condition &= Q(Exists(CustomerTag.objects.filter(profile=_PROFILE, name__in=sorted(any_of))))
    for name in sorted(names.get("contains_all", ())):
        condition &= Q(Exists(CustomerTag.objects.filter(profile=_PROFILE, name=name)))
    return condition


def _segment(given: Mapping[str, Any]) -> Q:
    keys = _keys(_values("segment", given), "CustomerSegment")
    return Q(Exists(SegmentMembership.objects.filter(profile=_PROFILE, segment_id__in=keys)))


def _tier(given: Mapping[str, Any]) -> Q:
    keys = _keys(_values("tier", given), "LoyaltyTier")
    return Q(
        Exists(
            TierMembership.objects.filter(account__profile=_PROFILE, account__closed_at__isnull=True, tier_id__in=keys)
        )
    )


def _rfm_group(given: Mapping[str, Any]) -> Q:
    lookups = _values("rfmGroup", given)
    wanted = set(lookups.get("in") or [lookups["exact"]])
    bought = _metrics(given.get("currency")).exclude(rfm_group=RFMGroup.PROSPECTS)
    condition = Q(Exists(bought.filter(rfm_group__in=sorted(wanted))))
    if RFMGroup.PROSPECTS in wanted:
        # Whoever has no order has no row; nor has anybody while *Customer profiles* is off.
        orders = ProfileOrder.objects.filter(profile=_PROFILE, counts=True)
        if currency := given.get("currency"):
            orders = orders.filter(currency=currency.upper())
        condition |= Q(~Exists(bought), ~Exists(orders), profiling_allowed=True, erased_at__isnull=True)
    return condition


def orders_count() -> Any:
    """The number of a profile's orders in all currencies, as an expression."""
    counted = _metrics().order_by().values("profile").annotate(orders=Sum("orders_count")).values("orders")
    return Coalesce(Subquery(counted), 0)


def _orders_count(given: Mapping[str, Any]) -> Q:
    lookups = _values("ordersCount", given)
    return _on("found_orders_count", lookups)


def _net_spent(given: Mapping[str, Any]) -> Q:
    ordered = _metrics(given["currency"]).filter(orders_count__gt=0)
    lookups = _values("netSpent", given)
    amounts = [amount for value in lookups.values() for amount in (value if isinstance(value, list) else [value])]
    if not all(map(can_be_compared, amounts)):
        raise GraphQLError("No amount has as many digits as one of `netSpent`.")
    return Q(Exists(ordered.filter(_on("net_spent", lookups))))


def _last_order_at(given: Mapping[str, Any]) -> Q:
    """Of the last orders in each currency, the very last one counts."""
    bounds = _range("lastOrderAt", given)
    condition = Q(Exists(_metrics().filter(_on("last_order_at", bounds))))
    if "lte" in bounds:
        condition &= ~Q(Exists(_metrics().filter(last_order_at__gt=bounds["lte"])))
    return condition


def _consent(given: Mapping[str, Any]) -> Q:
    said = ConsentRecord.objects.filter(profile=_PROFILE, purpose=given["purpose"])
    if given.get("state") is None:
        return ~Q(Exists(said))
    newer = ConsentRecord.objects.filter(
        profile=OuterRef("profile"), purpose=OuterRef("purpose"), pk__gt=OuterRef("pk")
    )
    return Q(Exists(said.filter(~Exists(newer), state=given["state"])))


def _is_guest(given: bool) -> Q:
    members = CustomerProfile.objects.filter(merged_into=_PROFILE, user_id__isnull=False)
    nobody = Q(user_id__isnull=True) & ~Q(Exists(members))
    return nobody if given else ~nobody


_FIELDS: Final[Mapping[str, Callable[[Any], Q]]] = {
    "ids": _ids,
    "tags": _tags,
    "segment": _segment,
    "tier": _tier,
    "lifecycle_stage": lambda given: _on("lifecycle_stage", _values("lifecycleStage", given)),
    "rfm_group": _rfm_group,
    "customer_type": lambda given: _on("customer_type", _values("customerType", given)),
    "orders_count": _orders_count,
    "net_spent": _net_spent,
    "last_order_at": _last_order_at,
    "created_at": lambda given: _on("created_at", _range("createdAt", given)),
    "is_guest": _is_guest,
    "consent": _consent,
}
