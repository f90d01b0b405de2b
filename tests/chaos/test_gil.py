"""CRUD does not wait for Python."""

from __future__ import annotations

import threading
import time
from contextlib import ExitStack

import pytest
from server_process import ServeApp
from wire import Client


@pytest.mark.parametrize("changed", [False, True], ids=["", "routes changed before"])
def test_crud_is_served_while_a_c_call_holds_the_gil(serve: ServeApp, changed: bool) -> None:
    server = serve("chaos_app:app", "--no-access-log", "--io-threads", "2")
    with ExitStack() as stack:
        # On both threads, whichever Python's client is on.
        cruds = [stack.enter_context(Client(server.connect(30))) for _ in range(4)]
        python = stack.enter_context(Client(server.connect(30)))
        for crud in cruds:
            assert crud.ask("POST", "/items", {"name": "first", "price": 1.5})[0] == 201
        if changed:
            # The I/O threads let go of the routes that were, with all that Python has in them, at their next request.
            assert python.ask("POST", "/add-route")[0] == 200
            assert python.ask("GET", "/")[0] == 200
            assert python.ask("GET", "/sync/1")[0] == 200
        held: list[tuple[int, object]] = []
        holder = threading.Thread(target=lambda: held.append(python.ask("GET", "/hold-gil")))
        begin = time.monotonic()
        holder.start()
        time.sleep(0.3)  # the call holds the GIL now
        slowest = 0.0
        served = 0
        while holder.is_alive():
            for crud in cruds:
                one = time.perf_counter()
                assert crud.ask("GET", "/items/1")[0] == 200
                assert crud.ask("GET", "/items?limit=5")[0] == 200
                assert crud.ask("POST", "/items", {"name": "more", "price": 2})[0] == 201
                slowest = max(slowest, time.perf_counter() - one)
                served += 3
        assert time.monotonic() - begin > 3.9
        assert held == [(200, {"held": True})]
        assert served > 100
        assert slowest < 2  # who waits for the GIL waits for all of it; a busy machine may take a second
