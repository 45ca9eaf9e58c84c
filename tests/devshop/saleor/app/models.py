import secrets
import uuid
from collections.abc import Iterable
from typing import Any

from django.contrib.auth.hashers import check_password, make_password
from django.db import models

from ..permission.enums import AppPermission, BasePermissionEnum
from ..permission.models import Permission
from .types import AppType


class App(models.Model):
    uuid = models.UUIDField(unique=True, default=uuid.uuid4)
    name = models.CharField(max_length=60)
    identifier = models.CharField(max_length=256, blank=True)
    type = models.CharField(choices=AppType.CHOICES, default=AppType.LOCAL, max_length=60)
    created_at = models.DateTimeField(auto_now_add=True)
    removed_at = models.DateTimeField(blank=True, null=True)
    is_active = models.BooleanField(default=True)
    is_installed = models.BooleanField(default=True)
    permissions = models.ManyToManyField(Permission, blank=True, related_name="app_set", related_query_name="app")

    class Meta:
        ordering = ("name", "pk")
        permissions = (
            (AppPermission.MANAGE_APPS.codename, "Manage apps"),
            (AppPermission.MANAGE_OBSERVABILITY.codename, "Manage observability"),
        )

    def __str__(self) -> str:
        return self.name

    def get_permissions(self) -> set[str]:
        if not self.is_active:
            return set()
        if not hasattr(self, "_permission_names"):
            rows = self.permissions.order_by().values_list("content_type__app_label", "codename")
            self._permission_names = {f"{label}.{codename}" for label, codename in rows}
        return self._permission_names

    def has_perms(self, perm_list: Iterable[BasePermissionEnum | str]) -> bool:
        wanted = {perm.value if isinstance(perm, BasePermissionEnum) else perm for perm in perm_list}
        return self.is_active and wanted <= self.get_permissions()

    def has_perm(self, perm: BasePermissionEnum | str) -> bool:
        return self.has_perms([perm])


class AppTokenManager(models.Manager["AppToken"]):
    def create(  # type: ignore[override]
        self, *, app: App, name: str = "", auth_token: str | None = None, **extra_fields: Any
    ) -> tuple["AppToken", str]:
        """Return the row and the token itself, of which the row keeps a hash only."""
        auth_token = auth_token or secrets.token_hex(15)
        app_token = self.model(app=app, name=name, **extra_fields)
        app_token.set_auth_token(auth_token)
        app_token.save()
        return app_token, auth_token


class AppToken(models.Model):
    app = models.ForeignKey(App, on_delete=models.CASCADE, related_name="tokens")
    name = models.CharField(blank=True, default="", max_length=128)
    auth_token = models.CharField(unique=True, max_length=128)
    token_last_4 = models.CharField(max_length=4)

    objects = AppTokenManager()

    def set_auth_token(self, raw_token: str) -> None:
        self.auth_token = make_password(raw_token)
        self.token_last_4 = raw_token[-4:]

    def check_auth_token(self, raw_token: str) -> bool:
        return check_password(raw_token, self.auth_token)
