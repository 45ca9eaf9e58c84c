"""Objects that staff name in an input, as primary keys."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from saleor_crm_plugin.exceptions import InputError
from saleor_crm_plugin.graphql.ids import integer_key
from saleor_crm_plugin.graphql.mutations import key_argument


def existing_keys(
    rows: Any, field: str, global_ids: Iterable[str], refusal: type[InputError] = InputError
) -> list[int]:
    """Primary keys of the objects that an argument names, each once, in the order given. One statement.

    Args:
        rows: queryset of those that may be named.
        refusal: the error of the domain.

    Raises:
        ValidationError: not an id of this type.
        InputError: `NOT_FOUND`, with the ids that are not among `rows`.
    """
    name = rows.model.__name__
    keys = {key_argument(integer_key, global_id, name, field): global_id for global_id in dict.fromkeys(global_ids)}
    known = set(rows.filter(pk__in=keys).values_list("pk", flat=True))
    if missing := [global_id for key, global_id in keys.items() if key not in known]:
        raise refusal(f"There is no such {rows.model._meta.verbose_name}: {', '.join(missing)}.", "NOT_FOUND", field)
    return list(keys)
