"""Clients that go away at any moment leave nothing behind."""

from __future__ import annotations

import random
import socket
import struct
import time

from server_process import ServeApp
from wire import Client, request, seconds_for


def reset(sock: socket.socket) -> None:
    """Close with RST instead of FIN."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def test_disconnects_leave_no_descriptor(serve: ServeApp) -> None:
    server = serve("chaos_app:app", "--no-access-log")
    for _ in range(20):  # every thread opens what it keeps: its connection to the store, worker threads
        with Client(server.connect()) as early:
            assert early.ask("POST", "/items", {"name": "a", "price": 1})[0] == 201
            assert early.ask("GET", "/items")[0] == 200
            assert early.ask("GET", "/sync/1")[0] == 200
    with Client(server.connect()) as steady:
        seconds_for(steady, 50)
        before = server.open_descriptors()
        seeded = random.Random(7)
        requests = [
            request("GET", "/"),
            request("GET", "/slow/50"),
            request("GET", "/sync/1"),
            request("GET", "/stream/8"),
            request("POST", "/echo", b'{"text": "a", "times": 1}'),
            request("POST", "/items", b'{"name": "a", "price": 1}'),
            request("GET", "/items?limit=5"),
            request("POST", "/upload", b"x" * 100_000),
        ]
        for number in range(600):
            client = server.connect()
            data = seeded.choice(requests)
            client.sendall(data[: seeded.randrange(1, len(data) + 1)])
            if number % 3 == 0:
                time.sleep(seeded.random() / 200)
            if number % 2 == 0:
                reset(client)
            else:
                client.close()
        assert seconds_for(steady, 100) < 5
        for _ in range(100):
            if server.open_descriptors() <= before:
                break
            time.sleep(0.1)
        assert server.open_descriptors() <= before
    assert server.stop() == 0
    # An application that reads a body is told by an exception, as under uvicorn; nothing else went wrong.
    assert server.log.count("Traceback") == server.log.count("\nstarlette.requests.ClientDisconnect"), server.log[
        -3000:
    ]


def test_a_client_that_leaves_cancels_a_stream(serve: ServeApp) -> None:
    server = serve("chaos_app:app", "--no-access-log")
    clients = [server.connect(60) for _ in range(20)]
    for client in clients:
        client.sendall(request("GET", "/stream/1000"))
        client.recv(1000)
    busy = server.open_descriptors()
    for client in clients:
        reset(client)
    for _ in range(100):
        if server.open_descriptors() <= busy - 20:
            break
        time.sleep(0.1)
    assert server.open_descriptors() <= busy - 20
