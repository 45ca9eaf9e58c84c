from collections.abc import Iterable
from typing import Any, Generic, TypeVar

from promise import Promise
from promise.dataloader import DataLoader as BaseLoader

from ...core.db.connection import allow_writer_in_context
from .context import SaleorContext, get_database_connection_name

K = TypeVar("K")
R = TypeVar("R")


class DataLoader(BaseLoader, Generic[K, R]):
    """Collects the keys that resolvers ask for and loads them at once; one loader of a kind for each request."""

    context_key: str
    context: SaleorContext
    database_connection_name: str

    def __new__(cls, context: SaleorContext) -> "DataLoader[K, R]":
        if not hasattr(context, "dataloaders"):
            context.dataloaders = {}
        if cls.context_key not in context.dataloaders:
            context.dataloaders[cls.context_key] = super().__new__(cls)
        loader = context.dataloaders[cls.context_key]
        assert isinstance(loader, cls), f"Two loaders share the key {cls.context_key}"
        return loader

    def __init__(self, context: SaleorContext) -> None:
        if getattr(self, "context", None) is not context:
            self.context = context
            self.database_connection_name = get_database_connection_name(context)
            super().__init__()

    def batch_load_fn(self, keys: Iterable[K]) -> Promise[list[R]]:
        with allow_writer_in_context(self.context):
            return Promise.resolve(self.batch_load(keys))

    def batch_load(self, keys: Iterable[K]) -> Any:
        """Return the values in the order of the keys, or a promise of them."""
        raise NotImplementedError
