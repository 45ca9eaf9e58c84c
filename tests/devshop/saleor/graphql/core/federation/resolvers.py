from typing import Any

from ..utils import from_global_id_or_error


def resolve_federation_references(graphql_type: Any, roots: list, queryset: Any) -> list:
    ids = [from_global_id_or_error(root.id, graphql_type, raise_error=True)[1] for root in roots]
    found = {str(row.pk): row for row in queryset.filter(pk__in=ids)}
    return [found.get(id_) for id_ in ids]
