from typing import Any

from celery import Task
from django.conf import settings
from django.db import connections
from django.utils.module_loading import import_string


class RestrictWriterDBTask(Task):
    """Every task runs under the guard that the setting names, so that the writer is used on purpose only."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        guard = import_string(settings.CELERY_RESTRICT_WRITER_METHOD)
        with connections[settings.DATABASE_CONNECTION_DEFAULT_NAME].execute_wrapper(guard):
            return super().__call__(*args, **kwargs)
