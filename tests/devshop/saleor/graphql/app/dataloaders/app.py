from collections.abc import Iterable

from ....app.models import App, AppToken
from ...core.dataloaders import DataLoader


class AppByTokenLoader(DataLoader[str, App]):
    context_key = "app_by_token"

    def batch_load(self, keys: Iterable[str]) -> list[App | None]:
        return [self._find(key) for key in keys]

    def _find(self, raw_token: str) -> App | None:
        tokens = AppToken.objects.using(self.database_connection_name).select_related("app")
        for token in tokens.filter(token_last_4=raw_token[-4:], app__is_active=True, app__removed_at__isnull=True):
            if token.check_auth_token(raw_token):
                return token.app
        return None
