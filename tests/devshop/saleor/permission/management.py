from typing import Any

from django.apps import apps as installed_apps
from django.contrib.auth import get_permission_codename
from django.contrib.contenttypes.management import create_contenttypes
from django.db import DEFAULT_DB_ALIAS


def create_permissions(
    app_config: Any,
    verbosity: int = 2,
    interactive: bool = True,
    using: str = DEFAULT_DB_ALIAS,
    apps: Any = installed_apps,
    **kwargs: Any,
) -> None:
    """After each migrate: one row for every permission that the models of an app declare."""
    if not app_config.models_module:
        return
    create_contenttypes(app_config, verbosity=verbosity, interactive=interactive, using=using, apps=apps, **kwargs)
    try:
        models = list(apps.get_app_config(app_config.label).get_models())
        ContentType = apps.get_model("contenttypes", "ContentType")
        Permission = apps.get_model("permission", "Permission")
    except LookupError:
        return
    Permission.objects.using(using).bulk_create(
        [
            Permission(
                content_type=ContentType.objects.db_manager(using).get_for_model(model, for_concrete_model=False),
                codename=codename,
                name=name,
            )
            for model in models
            for codename, name in _declared(model._meta)
        ],
        ignore_conflicts=True,
    )


def _declared(options: Any) -> list[tuple[str, str]]:
    automatic = [
        (get_permission_codename(action, options), f"Can {action} {options.verbose_name_raw}")
        for action in options.default_permissions
    ]
    return automatic + list(options.permissions)
