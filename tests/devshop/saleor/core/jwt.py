import datetime
from typing import Any

import graphene
import jwt
from django.conf import settings

from ..account.models import User

JWT_ACCESS_TYPE = "access"
JWT_OWNER_FIELD = "owner"
JWT_SALEOR_OWNER_NAME = "saleor"
_ALGORITHM = "HS256"


def create_access_token(user: User, additional_payload: dict[str, Any] | None = None) -> str:
    return jwt_encode(jwt_user_payload(user, JWT_ACCESS_TYPE, settings.JWT_TTL_ACCESS, additional_payload))


def jwt_user_payload(
    user: User,
    token_type: str,
    exp_delta: datetime.timedelta | None,
    additional_payload: dict[str, Any] | None = None,
    token_owner: str = JWT_SALEOR_OWNER_NAME,
) -> dict[str, Any]:
    now = datetime.datetime.now(datetime.UTC)
    return {
        "iat": now,
        **({"exp": now + exp_delta} if exp_delta else {}),
        JWT_OWNER_FIELD: token_owner,
        "token": user.jwt_token_key,
        "email": user.email,
        "type": token_type,
        "user_id": graphene.Node.to_global_id("User", user.pk),
        "is_staff": user.is_staff,
        **(additional_payload or {}),
    }


def jwt_encode(payload: dict[str, Any]) -> str:
    return jwt.encode(payload, settings.SECRET_KEY, algorithm=_ALGORITHM)


def _decode(token: str) -> dict[str, Any]:
    return jwt.decode(token, settings.SECRET_KEY, algorithms=[_ALGORITHM], options={"verify_exp": settings.JWT_EXPIRE})


def is_saleor_token(token: str) -> bool:
    try:
        payload = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        return False
    return payload.get(JWT_OWNER_FIELD) == JWT_SALEOR_OWNER_NAME
