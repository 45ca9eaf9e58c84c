"""What the plugin adds to a starting Saleor: checks, its part of the GraphQL schema, and periodic tasks."""

from __future__ import annotations

import logging

from django.apps import AppConfig

from saleor_crm_plugin import checks, compat

logger = logging.getLogger(__name__)


class CRMConfig(AppConfig):
    name = "saleor_crm_plugin"
    verbose_name = "Customers, loyalty and recommendations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        checks.register_all()
        if not compat.saleor_is_installed():
            return
        try:
            _join_saleor()
        except ImportError:
            # The shop must start; `manage.py check` says the same with an id and a hint.
            logger.exception("saleor_crm_plugin is not active: it cannot import what it needs. Run `manage.py check`.")


def _join_saleor() -> None:
    # First of all: whatever is imported below, Saleor's schema must not be built unseen.
    from saleor_crm_plugin.graphql import extension

    extension.install()

    # Importing the tasks makes them known to workers: Saleor's discovery looks for a module `tasks` beside `plugin.py`
    # only.
    from saleor_crm_plugin.ingestion import after_response
    from saleor_crm_plugin.ingestion.tasks import schedule_periodic_tasks

    schedule_periodic_tasks()
    after_response.install()
