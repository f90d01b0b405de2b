"""redis-py's asyncio client on PyLoop against a real redis-server, over TCP, a Unix socket and TLS."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from .services import Certificate, Redis, RunOnPyLoop

redis = pytest.importorskip("redis.asyncio")


@pytest.fixture(params=["tcp", "unix", "tls"])
def where(request: pytest.FixtureRequest, redis_server: Redis, certificate: Certificate) -> dict[str, Any]:
    """redis-py's arguments for one way to the server."""
    if request.param == "unix":
        return {"unix_socket_path": str(redis_server.socket_file)}
    if request.param == "tcp":
        return {"host": "127.0.0.1", "port": redis_server.port}
    tls = {"ssl": True, "ssl_ca_certs": str(certificate.authority_file), "ssl_check_hostname": True}
    return {"host": "127.0.0.1", "port": redis_server.tls_port, **tls}


@asynccontextmanager
async def connected(where: dict[str, Any], **options: Any) -> AsyncIterator[Any]:
    client = redis.Redis(**where, decode_responses=True, **options)
    try:
        await client.flushall()
        yield client
    finally:
        await client.aclose()


def test_commands_and_pipelines(where: dict[str, Any], run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        async with connected(where) as client:
            assert await client.set("key", "välue") is True
            assert await client.get("key") == "välue"
            async with client.pipeline(transaction=False) as pipe:
                for number in range(5000):
                    pipe.rpush("list", number)
                assert await pipe.execute() == list(range(1, 5001))
            assert await client.lrange("list", 0, -1) == [str(number) for number in range(5000)]
            large = "x" * (8 * 1024 * 1024)
            await client.set("large", large)
            assert await client.get("large") == large

    run(main())


def test_an_optimistic_transaction_that_loses(where: dict[str, Any], run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        async with connected(where) as client:
            await client.set("counter", 0)

            async def increment() -> int:
                tries = 0
                while True:
                    tries += 1
                    async with client.pipeline() as pipe:
                        try:
                            await pipe.watch("counter")
                            seen = int(await pipe.get("counter"))
                            await asyncio.sleep(0)
                            pipe.multi()
                            pipe.set("counter", seen + 1)
                            await pipe.execute()
                            return tries
                        except redis.WatchError:
                            continue

            tries = await asyncio.gather(*(increment() for _ in range(20)))
            assert await client.get("counter") == "20"
            assert sum(tries) >= 20

    run(main())


def test_publish_and_subscribe(where: dict[str, Any], run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        async with connected(where) as client, client.pubsub() as subscription:
            await subscription.subscribe("news")
            await subscription.psubscribe("weather.*")
            heard: list[str] = []
            ready = asyncio.Event()

            async def listen() -> None:
                subscribed = 0
                async for message in subscription.listen():
                    if message["type"].endswith("subscribe"):
                        subscribed += 1
                        if subscribed == 2:
                            ready.set()
                        continue
                    heard.append(message["data"])
                    if message["data"] == "end":
                        return

            listener = asyncio.create_task(listen())
            async with asyncio.timeout(20):
                await ready.wait()
                for number in range(500):
                    assert await client.publish("news", number) == 1
                await client.publish("weather.today", "rain")
                await client.publish("news", "end")
                await listener
            assert heard == [*map(str, range(500)), "rain", "end"]
            # Nobody speaks any more: the time-out of a read, not of the connection.
            assert await subscription.get_message(ignore_subscribe_messages=True, timeout=0.05) is None

    run(main())


def test_blocking_pops(where: dict[str, Any], run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        loop = asyncio.get_running_loop()
        async with connected(where) as client:
            started = loop.time()
            assert await client.blpop("queue", timeout=0.2) is None
            assert 0.15 <= loop.time() - started < 25

            async def blocked(count: int) -> None:
                async with asyncio.timeout(30):
                    while (await client.info("clients"))["blocked_clients"] != count:
                        await asyncio.sleep(0.01)

            waiters = [asyncio.create_task(client.blpop("queue", timeout=60)) for _ in range(30)]
            await blocked(30)
            waiters[3].cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiters.pop(3)
            await blocked(29)  # else the server may give that one what is pushed
            for number in range(29):
                await client.rpush("queue", number)
            async with asyncio.timeout(30):
                popped = await asyncio.gather(*waiters)
            assert sorted(int(value) for _, value in popped) == list(range(29))

    run(main())


def test_a_read_times_out_and_the_client_goes_on(where: dict[str, Any], run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        async with connected(where, socket_timeout=2, retry=None) as client:
            with pytest.raises(redis.TimeoutError):
                await client.blpop("never", timeout=60)
            assert await client.ping() is True

    run(main())


def test_a_killed_connection_is_an_error_and_then_replaced(where: dict[str, Any], run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        async with connected(where) as admin, connected(where, single_connection_client=True, retry=None) as victim:
            identity = await victim.client_id()
            waiting = asyncio.create_task(victim.blpop("never", timeout=20))
            await asyncio.sleep(0.1)
            assert await admin.execute_command("CLIENT", "KILL", "ID", identity) == 1
            async with asyncio.timeout(30):
                with pytest.raises(redis.ConnectionError):
                    await waiting
                assert await victim.ping() is True
                assert await victim.client_id() != identity

    run(main())
