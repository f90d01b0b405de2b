"""What becomes of requests that wait for Python when their loop ends without having looked at them."""

from __future__ import annotations

import socket
import time

import data_bridge
from data_bridge.options import ServerOptions
from data_bridge.server import Server

from .raw_client import request


def test_requests_that_wait_for_a_loop_that_is_closed_are_let_go() -> None:
    loop = data_bridge.new_event_loop()
    clients: list[socket.socket] = []

    async def application(scope: dict[str, object], receive: object, send: object) -> None:
        if scope["type"] == "lifespan":
            raise NotImplementedError
        loop.stop()
        # The I/O thread hands over more requests meanwhile; this turn is the loop's last.
        for _ in range(8):
            clients.append(socket.create_connection(server.addresses[0]))
            clients[-1].sendall(request("POST", "/", b"body"))
        deadline = time.monotonic() + 5
        while server.in_flight < 9 and time.monotonic() < deadline:
            time.sleep(0.01)

    server = Server(application, ServerOptions(port=0, io_threads=1, access_log=False))

    async def main() -> None:
        await server.startup()
        clients.append(socket.create_connection(server.addresses[0]))
        clients[-1].sendall(request("GET", "/"))

    starting = loop.create_task(main())
    loop.run_forever()
    assert starting.done()
    try:
        assert server.in_flight == 8
        assert server._front._core is not None
        server._front._core.close()
        loop.close()
        assert server.in_flight == 0
    finally:
        server.release()
        for client in clients:
            client.close()
