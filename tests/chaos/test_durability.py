"""What was answered 201 is there after kill -9."""

from __future__ import annotations

import threading
import time

import pytest
from server_process import ServeApp
from wire import Client

CLIENTS = 32


@pytest.mark.parametrize("moment", [0.4, 0.9])
def test_kill_under_load_loses_no_answered_item(serve: ServeApp, moment: float) -> None:
    server = serve("chaos_app:app", "--no-access-log")
    acknowledged: list[dict[str, object]] = []
    lock = threading.Lock()

    def create(worker: int) -> None:
        try:
            with Client(server.connect()) as client:
                for number in range(100_000):
                    name = f"{worker}-{number}"
                    status, item = client.ask("POST", "/items", {"name": name, "price": number + 0.25, "tags": [name]})
                    assert status == 201
                    with lock:
                        acknowledged.append(item)
        except OSError:
            pass  # the kill

    workers = [threading.Thread(target=create, args=(worker,)) for worker in range(CLIENTS)]
    for worker in workers:
        worker.start()
    time.sleep(moment)
    server.kill()
    for worker in workers:
        worker.join(20)
    assert len(acknowledged) > 50

    again = serve("chaos_app:app", "--no-access-log")
    with Client(again.connect()) as client:
        for item in acknowledged:
            assert client.ask("GET", f"/items/{item['id']}") == (200, item)
        # What was not answered may be there or not, but never half.
        cursor = ""
        stored = 0
        while cursor is not None:
            status, page = client.ask("GET", f"/items?limit=100{cursor and '&cursor=' + cursor}")
            assert status == 200
            for item in page["items"]:
                assert item["tags"] == [item["name"]]
            stored += len(page["items"])
            cursor = page["next"]
    assert len(acknowledged) <= stored <= len(acknowledged) + CLIENTS
