from .entities import federated_entity
from .resolvers import resolve_federation_references

__all__ = ["federated_entity", "resolve_federation_references"]
