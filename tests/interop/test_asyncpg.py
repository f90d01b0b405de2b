"""asyncpg on PyLoop against a real PostgreSQL, over TCP, a Unix socket and TLS."""

from __future__ import annotations

import asyncio
import datetime
import decimal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from .services import Certificate, PostgreSQL, RunOnPyLoop

asyncpg = pytest.importorskip("asyncpg")


@pytest.fixture(params=["tcp", "unix", "tls"])
def where(request: pytest.FixtureRequest, postgresql: PostgreSQL, certificate: Certificate) -> dict[str, Any]:
    """asyncpg's arguments for one way to the server."""
    common = {"port": postgresql.port, "user": postgresql.user, "database": "postgres"}
    if request.param == "unix":
        return {**common, "host": str(postgresql.folder), "ssl": False}
    tcp = {**common, "host": "127.0.0.1", "password": postgresql.password, "ssl": False}
    return {**tcp, "ssl": certificate.client} if request.param == "tls" else tcp


@asynccontextmanager
async def connected(where: dict[str, Any]) -> AsyncIterator[Any]:
    connection = await asyncpg.connect(**where)
    try:
        yield connection
    finally:
        await connection.close()


def test_values_of_many_types_come_back(where: dict[str, Any], run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        async with connected(where) as connection:
            values = [
                ("int8", -(2**63)),
                ("text", "naïve ✓" * 1000),
                ("bytea", bytes(range(256)) * 40),
                ("numeric", decimal.Decimal("1234567890.0123456789")),
                ("timestamptz", datetime.datetime(2026, 2, 28, 23, 59, 59, 123456, tzinfo=datetime.UTC)),
                ("float8[]", [0.1, -1e300, 5e-324]),
                ("jsonb", '{"a": [1, null]}'),
                ("bool", None),
            ]
            for sql_type, value in values:
                assert await connection.fetchval(f"select $1::{sql_type}", value) == value
            rows = await connection.fetch("select g, repeat('x', 1000) as filler from generate_series(1, 20000) g")
            assert [row["g"] for row in rows] == list(range(1, 20001))
            assert {len(row["filler"]) for row in rows} == {1000}
            in_use = await connection.fetchval("select ssl from pg_stat_ssl where pid = pg_backend_pid()")
            assert in_use is bool(where["ssl"])

    run(main())


def test_a_large_value_goes_both_ways(where: dict[str, Any], run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        async with connected(where) as connection:
            value = bytes(range(256)) * (32 * 1024)  # 8 MiB: far more than the socket buffers take
            assert await connection.fetchval("select $1::bytea", value) == value

    run(main())


def test_a_pool_serves_more_tasks_than_it_has_connections(where: dict[str, Any], run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        async with asyncpg.create_pool(**where, min_size=2, max_size=8) as pool:
            await pool.execute("create unlogged table if not exists counted (task int, step int)")
            await pool.execute("truncate counted")

            async def work(task: int) -> int:
                for step in range(10):
                    async with pool.acquire() as connection, connection.transaction():
                        await connection.execute("insert into counted values ($1, $2)", task, step)
                        await asyncio.sleep(0)
                return task

            assert await asyncio.gather(*map(work, range(100))) == list(range(100))
            assert await pool.fetchval("select count(*) from counted") == 1000
            assert await pool.fetchval("select count(distinct (task, step)) from counted") == 1000

            holders = [await pool.acquire() for _ in range(8)]
            with pytest.raises(TimeoutError):
                await pool.acquire(timeout=0.05)
            for holder in holders:
                await pool.release(holder)

    run(main())


def test_cancelling_a_task_cancels_its_query_on_the_server(where: dict[str, Any], run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        async with connected(where) as connection, connected(where) as observer:
            started = asyncio.get_running_loop().time()
            query = asyncio.create_task(connection.execute("select pg_sleep(30)"))
            await asyncio.sleep(0.1)
            query.cancel("enough")
            with pytest.raises(asyncio.CancelledError):
                await query
            with pytest.raises(TimeoutError):
                await connection.fetch("select pg_sleep(30)", timeout=0.1)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.1):
                    await connection.fetch("select pg_sleep(30)")
            # The connection goes on after each of them, and no backend sleeps any longer.
            assert await connection.fetchval("select 7") == 7
            sleeping = "select count(*) from pg_stat_activity where state = 'active' and query ~ '^select pg_sleep'"
            assert await observer.fetchval(sleeping) == 0
            assert asyncio.get_running_loop().time() - started < 25

    run(main())


def test_notifications_reach_their_listeners(where: dict[str, Any], run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        async with connected(where) as listener, connected(where) as speaker:
            heard: asyncio.Queue[str] = asyncio.Queue()

            def hear(_connection: Any, _pid: int, channel: str, payload: str) -> None:
                heard.put_nowait(f"{channel}:{payload}")

            await listener.add_listener("news", hear)
            for number in range(200):
                await speaker.execute("select pg_notify('news', $1)", str(number))
            async with asyncio.timeout(30):
                assert [await heard.get() for _ in range(200)] == [f"news:{number}" for number in range(200)]
            await listener.remove_listener("news", hear)
            await speaker.execute("select pg_notify('news', 'unheard')")
            assert await listener.fetchval("select 1") == 1
            assert heard.empty()

    run(main())


def test_copy_in_and_out(where: dict[str, Any], run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        async with connected(where) as connection:
            await connection.execute("create temp table copied (id int primary key, name text)")
            records = [(number, f"name {number}") for number in range(50_000)]
            assert await connection.copy_records_to_table("copied", records=records) == "COPY 50000"

            out = bytearray()

            async def consume(piece: bytes) -> None:
                await asyncio.sleep(0)  # the server is held back meanwhile
                out.extend(piece)

            query = "select id, name from copied order by id"
            assert await connection.copy_from_query(query, output=consume, format="csv") == "COPY 50000"
            assert bytes(out) == b"".join(b"%d,name %d\n" % (number, number) for number in range(50_000))

            async def produce() -> AsyncIterator[bytes]:
                for start in range(0, len(out), 65_536):
                    yield bytes(out[start : start + 65_536])
                    await asyncio.sleep(0)

            await connection.execute("truncate copied")
            assert await connection.copy_to_table("copied", source=produce(), format="csv") == "COPY 50000"
            assert await connection.fetchval("select sum(id) from copied") == sum(range(50_000))

    run(main())


def test_a_cursor_inside_a_transaction(where: dict[str, Any], run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        async with connected(where) as connection, connection.transaction():
            seen = [
                row["g"] async for row in connection.cursor("select g from generate_series(1, 3000) g", prefetch=64)
            ]
            assert seen == list(range(1, 3001))

    run(main())


def test_a_terminated_backend_is_an_error_not_a_hang(where: dict[str, Any], run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        async with connected(where) as killer:
            victim = await asyncpg.connect(**where)
            waiting = asyncio.create_task(victim.execute("select pg_sleep(30)"))
            await asyncio.sleep(0.1)
            await killer.execute("select pg_terminate_backend($1)", victim.get_server_pid())
            async with asyncio.timeout(30):
                with pytest.raises((asyncpg.PostgresConnectionError, asyncpg.AdminShutdownError, OSError)):
                    await waiting
                while not victim.is_closed():
                    await asyncio.sleep(0.01)
            await victim.close()

    run(main())


def test_a_wrong_password_and_a_closed_port(postgresql: PostgreSQL, run: RunOnPyLoop[Any]) -> None:
    async def main() -> None:
        with pytest.raises(asyncpg.InvalidPasswordError):
            await asyncpg.connect(
                host="127.0.0.1", port=postgresql.port, user=postgresql.user, database="postgres", password="wrong"
            )
        with pytest.raises(OSError, match=r"Connect call failed|refused"):
            await asyncpg.connect(host="127.0.0.1", port=1, user="nobody", database="postgres")

    run(main())
