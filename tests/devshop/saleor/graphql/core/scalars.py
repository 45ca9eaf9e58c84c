import decimal
from datetime import UTC, datetime
from typing import Any

import graphene
from graphql.language import ast


class Decimal(graphene.Float):
    """A number that keeps its decimal places on the way in; on the way out it is a float."""

    @staticmethod
    def parse_literal(node: Any) -> decimal.Decimal | None:
        if isinstance(node, ast.FloatValue | ast.IntValue):
            return Decimal.parse_value(node.value)
        return None

    @staticmethod
    def parse_value(value: Any) -> decimal.Decimal | None:
        try:
            number = decimal.Decimal(str(value))
        except decimal.DecimalException:
            return None
        return number if number.is_finite() and not number.is_subnormal() else None


class PositiveDecimal(graphene.Float):
    """A number of zero or more."""

    @staticmethod
    def parse_literal(node: Any) -> decimal.Decimal | None:
        return _unless_negative(Decimal.parse_literal(node))

    @staticmethod
    def parse_value(value: Any) -> decimal.Decimal | None:
        return _unless_negative(Decimal.parse_value(value))


def _unless_negative(number: decimal.Decimal | None) -> decimal.Decimal | None:
    return number if number is not None and number >= 0 else None


class UUID(graphene.UUID):
    @staticmethod
    def parse_literal(node: Any) -> Any:
        try:
            return graphene.UUID.parse_literal(node)
        except ValueError as error:
            raise ValueError(f"{node.value} is no UUID.") from error

    @staticmethod
    def parse_value(value: Any) -> Any:
        try:
            return graphene.UUID.parse_value(value)
        except ValueError as error:
            raise ValueError(f"{value} is no UUID.") from error


class DateTime(graphene.DateTime):
    """A date with a time, as in ISO 8601. What is outside of a date's years in UTC is none."""

    @staticmethod
    def parse_value(value: Any) -> datetime | None:
        moment = graphene.DateTime.parse_value(value)
        try:
            moment.astimezone(UTC)
        except (AttributeError, OverflowError):
            return None
        return moment


class Date(graphene.Date):
    """A date, as in ISO 8601."""
