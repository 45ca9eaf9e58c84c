"""Enums of the API, made from those of the domains."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any

import graphene

from saleor_crm_plugin.graphql.descriptions import ADDED_IN_010


def enum_of(name: str, members: Mapping[Any, str], description: str, category: str) -> Any:
    """A GraphQL enum.

    Args:
        members: the members of a Python enum with the description of each.
        category: under which the API reference lists it, one of Saleor's `DOC_CATEGORY_…`.
    """
    texts = {member.value: text for member, text in members.items()}

    def describe(value: Enum | None) -> str:
        return description + ADDED_IN_010 if value is None else texts[value.value]

    created = graphene.Enum(name, [(member.name, member.value) for member in members], description=describe)
    created.doc_category = category
    created.__module__ = __name__
    return created
