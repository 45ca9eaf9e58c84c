from collections.abc import Callable
from typing import Any

federated_entities: dict[str, Any] = {}


def federated_entity(key_fields: str) -> Callable[[Any], Any]:
    """Let a gateway refer to the type by these fields."""

    def register(graphql_type: Any) -> Any:
        key = f'@key(fields: "{key_fields}")'
        graphql_type._sdl = f"{key} {getattr(graphql_type, '_sdl', '')}".strip()
        federated_entities[graphql_type.__name__] = graphql_type
        return graphql_type

    return register
