"""Settings for tests. As in Saleor's own: no plugin unless a test names it, and every use of the writer is explicit."""

from .settings import *  # noqa: F403

SECRET_KEY = "NOT-A-SECRET-BUT-LONG-ENOUGH-FOR-HMAC"
PLUGINS: list[str] = []
CELERY_TASK_ALWAYS_EAGER = True
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
MIDDLEWARE.insert(0, "saleor.core.db.connection.restrict_writer_middleware")  # noqa: F405
CELERY_RESTRICT_WRITER_METHOD = "saleor.core.db.connection.restrict_writer"
