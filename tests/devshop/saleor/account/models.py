import uuid
from collections.abc import Iterable
from functools import partial
from typing import Any

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.db import models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.crypto import get_random_string

from ..core.db import _columns
from ..permission.enums import AccountPermissions, BasePermissionEnum, get_permissions
from ..permission.models import Permission, PermissionsMixin


class Address(models.Model):
    first_name = models.CharField(max_length=256, blank=True)
    last_name = models.CharField(max_length=256, blank=True)
    company_name = models.CharField(max_length=256, blank=True)
    street_address_1 = models.CharField(max_length=256, blank=True)
    street_address_2 = models.CharField(max_length=256, blank=True)
    city = models.CharField(max_length=256, blank=True)
    city_area = models.CharField(max_length=128, blank=True)
    postal_code = models.CharField(max_length=20, blank=True)
    country = models.CharField(max_length=2)
    country_area = models.CharField(max_length=128, blank=True)
    phone = models.CharField(max_length=128, blank=True, default="")
    validation_skipped = models.BooleanField(default=False)
    metadata = models.JSONField(default=dict, blank=True)
    private_metadata = models.JSONField(default=dict, blank=True)

    class Meta:
        ordering = ("pk",)


class UserManager(BaseUserManager["User"]):
    def create_user(
        self,
        email: str,
        password: str | None = None,
        is_staff: bool = False,
        is_active: bool = True,
        **extra_fields: Any,
    ) -> "User":
        user = self.model(email=self.normalize_email(email), is_staff=is_staff, is_active=is_active, **extra_fields)
        if password:
            user.set_password(password)
        user.save()
        return user

    def create_superuser(self, email: str, password: str | None = None, **extra_fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **extra_fields)

    def customers(self) -> QuerySet["User"]:
        """Everyone who is no staff, and staff who bought something."""
        from ..order.models import Order

        return self.get_queryset().filter(Q(is_staff=False) | Exists(Order.objects.filter(user_id=OuterRef("pk"))))

    def staff(self) -> QuerySet["User"]:
        return self.get_queryset().filter(is_staff=True)


class User(PermissionsMixin, AbstractBaseUser):
    email = models.EmailField(unique=True)
    first_name = models.CharField(max_length=256, blank=True)
    last_name = models.CharField(max_length=256, blank=True)
    addresses = models.ManyToManyField(Address, blank=True, related_name="user_addresses")
    is_staff = models.BooleanField(default=False)
    is_active = models.BooleanField(default=True)
    is_confirmed = models.BooleanField(default=True)
    last_confirm_email_request = models.DateTimeField(null=True, blank=True)
    last_password_reset_request = models.DateTimeField(null=True, blank=True)
    note = models.TextField(null=True, blank=True)
    date_joined = models.DateTimeField(default=timezone.now, editable=False)
    updated_at = models.DateTimeField(auto_now=True, db_index=True)
    default_shipping_address = models.ForeignKey(
        Address, related_name="+", null=True, blank=True, on_delete=models.SET_NULL
    )
    default_billing_address = models.ForeignKey(
        Address, related_name="+", null=True, blank=True, on_delete=models.SET_NULL
    )
    jwt_token_key = models.CharField(max_length=12, default=partial(get_random_string, length=12))
    language_code = _columns.language()
    external_reference = _columns.external_reference()
    uuid = models.UUIDField(default=uuid.uuid4, unique=True)
    metadata = models.JSONField(default=dict, blank=True)
    private_metadata = models.JSONField(default=dict, blank=True)

    USERNAME_FIELD = "email"

    objects = UserManager()

    class Meta:
        ordering = ("email",)
        permissions = (
            (AccountPermissions.MANAGE_USERS.codename, "Manage customers"),
            (AccountPermissions.MANAGE_STAFF.codename, "Manage staff"),
            (AccountPermissions.IMPERSONATE_USER.codename, "Impersonate a customer"),
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._effective_permissions: QuerySet[Permission] | None = None

    def __str__(self) -> str:
        return str(self.uuid)

    @property
    def effective_permissions(self) -> QuerySet[Permission]:
        """What the user may do: everything as superuser, else what is granted to them or to a group of theirs."""
        if self._effective_permissions is None:
            permissions = get_permissions()
            if not self.is_superuser:
                permissions = permissions.filter(
                    Exists(User.user_permissions.through.objects.filter(user=self.pk, permission=OuterRef("pk")))
                    | Exists(
                        Group.permissions.through.objects.filter(
                            group__in=User.groups.through.objects.filter(user=self.pk).values("group"),
                            permission=OuterRef("pk"),
                        )
                    )
                )
            self._effective_permissions = permissions
        return self._effective_permissions

    @effective_permissions.setter
    def effective_permissions(self, value: QuerySet[Permission]) -> None:
        self._effective_permissions = value
        self._effective_permissions_cache = None

    def has_perm(self, perm: BasePermissionEnum | str, obj: Any = None) -> bool:
        return super().has_perm(_permission_name(perm), obj)

    def has_perms(self, perm_list: Iterable[BasePermissionEnum | str], obj: Any = None) -> bool:
        return super().has_perms([_permission_name(perm) for perm in perm_list], obj)


def _permission_name(permission: BasePermissionEnum | str) -> str:
    return permission.value if isinstance(permission, BasePermissionEnum) else permission


class GroupManager(models.Manager):
    use_in_migrations = True


class Group(models.Model):
    name = models.CharField(max_length=150, unique=True)
    permissions = models.ManyToManyField(Permission, blank=True)
    restricted_access_to_channels = models.BooleanField(default=False)
    channels = models.ManyToManyField("channel.Channel", blank=True)

    objects = GroupManager()

    def __str__(self) -> str:
        return self.name
