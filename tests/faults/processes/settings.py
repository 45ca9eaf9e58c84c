"""The stand-in shop as an operator runs it, with a broker, on the database of the running test.

Environment: CRM_FAULTS_DATABASE (where it is, as JSON), CELERY_BROKER_URL, and what the names below say.
"""

import json
import os
from datetime import timedelta

from tests.devshop.settings import *  # noqa: F403

_database = json.loads(os.environ["CRM_FAULTS_DATABASE"])
DATABASES = {alias: {**_database, "ENGINE": "django.db.backends.postgresql"} for alias in DATABASES}  # noqa: F405
# A replica that has fallen behind.
if _replica := os.environ.get("CRM_FAULTS_REPLICA"):
    DATABASES["replica"]["NAME"] = _replica

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
# A task that a dead worker had taken is given to another one after this. Saleor leaves it at Celery's hour.
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": int(os.environ.get("CRM_FAULTS_VISIBILITY_SECONDS", "3600"))}
# An entry of the operator wins over ours: the same jobs, with less waiting.
if _seconds := os.environ.get("CRM_FAULTS_RECONCILE_SECONDS"):
    CELERY_BEAT_SCHEDULE["crm-reconcile"] = {  # noqa: F405
        "task": "saleor_crm_plugin.ingestion.tasks.reconcile_task",
        "schedule": timedelta(seconds=float(_seconds)),
    }
