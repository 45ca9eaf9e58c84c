"""Settings of the stand-in shop, with the names and meanings that Saleor gives them."""

import datetime
import importlib.metadata
import os
from typing import Any

import dj_database_url

from .postgres import DATABASE_NAME
from .stand_in import use_stand_in

use_stand_in()

DEBUG = True
SECRET_KEY = os.environ.get("SECRET_KEY", "only-for-the-stand-in-shop-on-your-own-machine")
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.devshop.urls"
WSGI_APPLICATION = "tests.devshop.wsgi.application"
STATIC_URL = "/static/"

DATABASE_CONNECTION_DEFAULT_NAME = "default"
DATABASE_CONNECTION_REPLICA_NAME = "replica"
# Seconds.
CHECKOUT_COMPLETION_LOCK_TIME = 180


def _database() -> dict[str, Any]:
    if os.environ.get("DATABASE_URL"):
        return dict(dj_database_url.config())
    return {"ENGINE": "tests.devshop.embedded", "NAME": DATABASE_NAME}


DATABASES = {
    DATABASE_CONNECTION_DEFAULT_NAME: _database(),
    DATABASE_CONNECTION_REPLICA_NAME: {**_database(), "TEST": {"MIRROR": DATABASE_CONNECTION_DEFAULT_NAME}},
}
DATABASE_ROUTERS = ["saleor.core.db_routers.PrimaryReplicaRouter"]
DEFAULT_AUTO_FIELD = "django.db.models.AutoField"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True

DEFAULT_MAX_DIGITS = 20
DEFAULT_DECIMAL_PLACES = 3
DEFAULT_CURRENCY_CODE_LENGTH = 3

MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
TEMPLATES: list[dict[str, Any]] = []

AUTH_USER_MODEL = "account.User"
AUTHENTICATION_BACKENDS = ["saleor.core.auth_backend.JSONWebTokenBackend"]
JWT_EXPIRE = True
PUBLIC_URL = "http://localhost:8000/"
JWT_TTL_ACCESS = datetime.timedelta(minutes=int(os.environ.get("DEVSHOP_TOKEN_MINUTES", "600")))

# False in Saleor by default: confirming an account then leaves the orders of the guest alone.
ACCOUNT_CONFIRM_ASSOCIATE_ANONYMOUS_OBJECTS = True

GRAPHQL_QUERY_MAX_COMPLEXITY = int(os.environ.get("GRAPHQL_QUERY_MAX_COMPLEXITY", "50000"))
GRAPHQL_PAGINATION_LIMIT = 100
GRAPHQL_BATCH_MAX_COUNT = int(os.environ.get("GRAPHQL_BATCH_MAX_COUNT", "1"))

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "")
CELERY_TASK_ALWAYS_EAGER = not CELERY_BROKER_URL
CELERY_ACCEPT_CONTENT = ["json"]
CELERY_TASK_SERIALIZER = "json"
CELERY_RESULT_SERIALIZER = "json"
CELERY_RESULT_BACKEND = os.environ.get("CELERY_RESULT_BACKEND") or None
CELERY_TIMEZONE = TIME_ZONE
CELERY_BEAT_SCHEDULE: dict[str, Any] = {}
CELERY_RESTRICT_WRITER_METHOD = "saleor.core.db.connection.log_writer_usage"

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "saleor.permission",
    "saleor.plugins",
    "saleor.account",
    "saleor.discount",
    "saleor.giftcard",
    "saleor.product",
    "saleor.attribute",
    "saleor.channel",
    "saleor.checkout",
    "saleor.core",
    "saleor.graphql",
    "saleor.order",
    "saleor.payment",
    "saleor.warehouse",
    "saleor.app",
]

BUILTIN_PLUGINS: list[str] = []
EXTERNAL_PLUGINS: list[str] = []
for entry_point in importlib.metadata.entry_points(group="saleor.plugins"):
    plugin_path = f"{entry_point.module}.{entry_point.attr}"
    if plugin_path not in BUILTIN_PLUGINS + EXTERNAL_PLUGINS:
        if entry_point.name not in INSTALLED_APPS:
            INSTALLED_APPS.append(entry_point.name)
        EXTERNAL_PLUGINS.append(plugin_path)
PLUGINS = BUILTIN_PLUGINS + EXTERNAL_PLUGINS
