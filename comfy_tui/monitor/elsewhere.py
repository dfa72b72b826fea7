"""Connections to servers that are not watched, for files of theirs: asked only when a person looks at one."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from comfy_tui.comfy.client import ComfyClient
from comfy_tui.config import ServerProfile, profile_from_url


class Elsewhere:
    """One read-only connection for each server, made when it is first needed.

    Args:
        profiles: the servers whose credentials are known; an address that is not among them gets none.
    """

    def __init__(self, profiles: Callable[[], Iterable[ServerProfile]]) -> None:
        self._profiles = profiles
        self._clients: dict[str, ComfyClient] = {}

    def client(self, server: str) -> ComfyClient:
        """The connection to that address, with its own credentials and nobody else's."""
        if server not in self._clients:
            known = next((profile for profile in self._profiles() if profile.url == server), None)
            self._clients[server] = ComfyClient(known or profile_from_url(server), readonly=True)
        return self._clients[server]

    def name(self, server: str, otherwise: str) -> str:
        """What the config calls it."""
        return next((profile.name for profile in self._profiles() if profile.url == server), otherwise)

    async def close(self) -> None:
        """Close the connections."""
        clients, self._clients = self._clients, {}
        for client in clients.values():
            await client.close()
