"""A demo server per test, on the test's own loop, and clients for it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest

from comfy_tui.demo.server import DemoServer


@pytest.fixture
async def server() -> AsyncIterator[DemoServer]:
    async with DemoServer() as running:
        yield running


@pytest.fixture
async def legacy() -> AsyncIterator[DemoServer]:
    async with DemoServer(legacy=True) as running:
        yield running


@pytest.fixture
async def client(server: DemoServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=server.url) as opened:
        yield opened


@pytest.fixture
async def old_client(legacy: DemoServer) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=legacy.url) as opened:
        yield opened
