"""Channels whose orders and turnover staff may see: those of their permission groups, as with Saleor's own lists."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from promise import Promise
from saleor.account.models import User
from saleor.core.exceptions import PermissionDenied
from saleor.graphql.core.dataloaders import DataLoader

from saleor_crm_plugin.graphql.access import authenticated_user


class ChannelsOfStaffLoader(DataLoader):
    """Ids of the channels that a user's groups allow, by user id; None for all there are.

    Saleor's own loader reads the channels themselves, in five statements; here it is one.
    """

    context_key = "saleor_crm_plugin.channels_of_staff"

    def batch_load(self, keys: Sequence[int]) -> list[set[int] | None]:
        found = _channels_of_staff(keys, self.database_connection_name)
        return [found[user_id] for user_id in keys]


def _channels_of_staff(user_ids: Collection[int], using: str) -> dict[int, set[int] | None]:
    rows = User.objects.using(using).filter(pk__in=user_ids)
    found: dict[int, set[int] | None] = {user_id: set() for user_id in user_ids}
    for user_id, restricted, channel_id in rows.values_list(
        "pk", "groups__restricted_access_to_channels", "groups__channels"
    ):
        channels = found[user_id]
        # Of several groups, one that is for all channels is enough.
        if restricted is False:
            found[user_id] = None
        elif channels is not None and channel_id is not None:
            channels.add(channel_id)
    return found


def may_see_channel(info: Any, channel_id: int) -> Promise[bool]:
    """Promise of whether a channel is for whoever asks: staff have those of their groups, apps and superusers all.

    What may be seen in it is for their permissions to say.
    """
    user = authenticated_user(info)
    if user is None or user.is_superuser:
        return Promise.resolve(user is not None or bool(info.context.app))
    return (
        ChannelsOfStaffLoader(info.context)
        .load(user.pk)
        .then(lambda channels: channels is None or channel_id in channels)
    )


def may_see_channels(info: Any, channel_ids: Collection[int]) -> bool:
    """Whether all of these are for whoever sends a mutation: `may_see_channel`, but now and from the writer."""
    user = authenticated_user(info)
    if user is None or user.is_superuser:
        return user is not None or bool(info.context.app)
    channels = _channels_of_staff([user.pk], "default")[user.pk]
    return channels is None or channels.issuperset(channel_ids)


def require_channel(info: Any, channel_id: int) -> Promise[None]:
    """
    Raises:
        PermissionDenied: by the promise, as Saleor's own reports do.
    """

    def refuse(allowed: bool) -> None:
        if not allowed:
            raise PermissionDenied("This channel is none of those that your permission groups allow.")

    return may_see_channel(info, channel_id).then(refuse)
