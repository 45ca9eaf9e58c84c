from collections.abc import Iterable

from ....channel.models import Channel
from ...core.dataloaders import DataLoader


class ChannelByIdLoader(DataLoader[int, Channel]):
    context_key = "channel_by_id"

    def batch_load(self, keys: Iterable[int]) -> list[Channel | None]:
        found = Channel.objects.using(self.database_connection_name).in_bulk(keys)
        return [found.get(key) for key in keys]
