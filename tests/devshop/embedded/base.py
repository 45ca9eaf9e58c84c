from typing import Any

from django.db.backends.postgresql import base

from .. import postgres


class DatabaseWrapper(base.DatabaseWrapper):
    def get_connection_params(self) -> dict[str, Any]:
        self.settings_dict.update(
            {name.upper(): value for name, value in postgres.start().items()},
        )
        return super().get_connection_params()
