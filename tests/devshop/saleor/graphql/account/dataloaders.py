from collections.abc import Iterable

from ...account.models import User
from ..core.dataloaders import DataLoader


class UserByUserIdLoader(DataLoader[int, User]):
    context_key = "user_by_id"

    def batch_load(self, keys: Iterable[int]) -> list[User | None]:
        found = User.objects.using(self.database_connection_name).in_bulk(keys)
        return [found.get(key) for key in keys]


class UserByEmailLoader(DataLoader[str, User]):
    """Active users only."""

    context_key = "user_by_email"

    def batch_load(self, keys: Iterable[str]) -> list[User | None]:
        users = User.objects.using(self.database_connection_name).filter(is_active=True)
        found = users.in_bulk(keys, field_name="email")
        return [found.get(key) for key in keys]
