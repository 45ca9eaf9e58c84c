"""Makes one SQL condition of a query that makes sense. Pure.

There is no third truth value: what is asked about a missing value is false, and NOT makes it true. So `tier != 'Gold'`
is true of whoever has no tier, as `NOT tier = 'Gold'` is.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from operator import eq, ge, gt, le, lt
from typing import Any

from saleor_crm_plugin.profiles.segments import checking
from saleor_crm_plugin.profiles.segments.fragments import Fragment, joined
from saleor_crm_plugin.profiles.segments.problems import Span
from saleor_crm_plugin.profiles.segments.registry import CountField, Rows, ScalarField, SetField
from saleor_crm_plugin.profiles.segments.values import Meaning

_AT_ZERO: dict[str, Callable[[Any, Any], bool]] = {"=": eq, "<": lt, "<=": le, ">": gt, ">=": ge}


@dataclass(frozen=True, slots=True)
class CompiledCondition:
    """One condition by itself: SQL of whether it holds and of what it looks at."""

    span: Span
    is_under_not: bool
    holds: Fragment
    value: Fragment


def compile_query(node: checking.Node, meaning: Meaning, profile_ids: Sequence[int] | None = None) -> Fragment:
    """SQL that is true of a row `p` of `crm_customer_profile` if it is as the query says, and never null.

    Args:
        profile_ids: the statement is about these profiles only; None: about all.
    """
    match node:
        case checking.Condition():
            return _condition(node, meaning, profile_ids)
        case checking.Not():
            return "NOT (" + compile_query(node.term, meaning, profile_ids) + ")"
    word = " AND " if isinstance(node, checking.And) else " OR "
    return joined(word, ("(" + compile_query(term, meaning, profile_ids) + ")" for term in node.terms))


def compile_conditions(node: checking.Node, meaning: Meaning) -> list[CompiledCondition]:
    """Each condition of the query, to say why a customer is in or not."""
    return [
        CompiledCondition(
            span=condition.span,
            is_under_not=condition.is_under_not,
            holds=_condition(condition, meaning, None),
            value=_value(condition, meaning),
        )
        for condition in checking.conditions(node)
    ]


def _condition(condition: checking.Condition, meaning: Meaning, profile_ids: Sequence[int] | None) -> Fragment:
    arguments = _arguments(condition, meaning)
    field = condition.field
    match field:
        case ScalarField():
            holds = _scalar(field, condition, field.sql(arguments), meaning)
        case SetField():
            holds = _set(field, condition, field.rows(arguments), meaning)
        case CountField():
            holds = _count(condition, field.rows(arguments), meaning, profile_ids)
        case _:
            raise TypeError(field)
    return "NOT (" + holds + ")" if condition.negated else holds


def _arguments(condition: checking.Condition, meaning: Meaning) -> dict[str, object]:
    found: dict[str, object] = {"now": meaning.now}
    for name, constant in condition.arguments.items():
        parameter = condition.field.parameter(name)
        assert parameter is not None
        found[name] = parameter.type.resolve(constant, meaning)
    return found


def _scalar(field: ScalarField, condition: checking.Condition, value: Fragment, meaning: Meaning) -> Fragment:
    if condition.operator == "IS NULL":
        return "(" + value + ") IS NULL"
    if not condition.operator:
        return "COALESCE(" + value + ", FALSE)"
    compared = field.type.compare("(" + value + ")", condition.operator, condition.values, meaning)
    return "COALESCE(" + compared + ", FALSE)"


def _set(field: SetField, condition: checking.Condition, rows: Sequence[Rows], meaning: Meaning) -> Fragment:
    if condition.operator == "IS NULL":
        return "NOT (" + joined(" OR ", (source.exists() for source in rows)) + ")"
    return (
        "("
        + joined(
            " OR ",
            (
                source.exists(" AND " + field.type.any_of(Fragment(source.value), condition.values, meaning))
                for source in rows
            ),
        )
        + Fragment(")")
    )


def _count(condition: checking.Condition, rows: Rows, meaning: Meaning, profile_ids: Sequence[int] | None) -> Fragment:
    operator, values = condition.operator, condition.values
    if not operator:
        times = condition.arguments.get("times", Decimal(1))
        if times == 1:
            return rows.exists()
        operator, values = ">=", (times,)
    # Counted for everybody in one go, rather than for each. Those without a row have no group: where zero is meant too,
    # the rest is asked for.
    bounds = [value for value in values if isinstance(value, Decimal)]
    holds_of_none = bounds[0] <= 0 <= bounds[1] if operator == "BETWEEN" else _AT_ZERO[operator](0, bounds[0])
    compared = condition.field.type.compare(Fragment(f"count(DISTINCT {rows.value})"), operator, values, meaning)
    only = Fragment(f" AND {rows.link} = ANY(%s::bigint[])", (list(profile_ids),)) if profile_ids is not None else ""
    counted = (
        f"SELECT {rows.link} AS owner FROM {rows.tables} WHERE "  # nosec B608  # our text; what staff wrote is a parameter
        + rows.condition
        + only
        + f" GROUP BY {rows.link} HAVING "
        + ("NOT (" + compared + ")" if holds_of_none else compared)
    )
    exists = "EXISTS (SELECT 1 FROM (" + counted + f") AS counted WHERE counted.owner = {rows.own})"  # nosec B608  # our text; what staff wrote is a parameter
    return "NOT " + exists if holds_of_none else exists


def _value(condition: checking.Condition, meaning: Meaning) -> Fragment:
    """What a customer has in the condition's field: one value, or an array."""
    arguments = _arguments(condition, meaning)
    field = condition.field
    match field:
        case ScalarField():
            return field.sql(arguments)
        case SetField():
            union = joined(
                " UNION ALL ",
                (f"SELECT ({source.value})::text AS value " + source.source() for source in field.rows(arguments)),
            )
            return "ARRAY(SELECT DISTINCT value FROM (" + union + ") AS found ORDER BY value)"  # nosec B608  # our text; what staff wrote is a parameter
        case CountField():
            rows = field.rows(arguments)
            return f"(SELECT count(DISTINCT {rows.value}) " + rows.source() + ")"
    raise TypeError(field)
