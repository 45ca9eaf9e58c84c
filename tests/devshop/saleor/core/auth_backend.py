from typing import Any

import jwt
from django.conf import settings

from ..account.models import User
from .auth import get_token_from_request
from .jwt import JWT_ACCESS_TYPE, _decode, is_saleor_token


class BaseBackend:
    def authenticate(self, request: Any, **kwargs: Any) -> User | None:
        return None

    def get_user(self, user_id: Any) -> User | None:
        return None


class JSONWebTokenBackend(BaseBackend):
    """Knows users by their token, and asks the replica what they may do."""

    def authenticate(self, request: Any = None, **kwargs: Any) -> User | None:
        return load_user_from_request(request)

    def get_user(self, user_id: Any) -> User | None:
        return User.objects.filter(email=user_id, is_active=True).first()

    def get_all_permissions(self, user_obj: User, obj: Any = None) -> set[str]:
        if not user_obj.is_active or obj is not None:
            return set()
        if not getattr(user_obj, "_effective_permissions_cache", None):
            permissions = user_obj.effective_permissions.using(settings.DATABASE_CONNECTION_REPLICA_NAME)
            rows = permissions.order_by().values_list("content_type__app_label", "codename")
            user_obj._effective_permissions_cache = {f"{label}.{codename}" for label, codename in rows}
        return user_obj._effective_permissions_cache

    def has_perm(self, user_obj: User, perm: str, obj: Any = None) -> bool:
        return perm in self.get_all_permissions(user_obj, obj)


def load_user_from_request(request: Any) -> User | None:
    """The user of the token; None without one. A token that is expired, forged or revoked raises."""
    from ..graphql.account.dataloaders import UserByEmailLoader

    token = get_token_from_request(request) if request is not None else None
    if not token or not is_saleor_token(token):
        return None
    payload = _decode(token)
    if payload.get("type") != JWT_ACCESS_TYPE:
        raise jwt.InvalidTokenError("This is no access token.")
    user = UserByEmailLoader(request).load(payload["email"]).get()
    if user is None or user.jwt_token_key != payload.get("token"):
        raise jwt.InvalidTokenError("The token is not valid any more.")
    return user
