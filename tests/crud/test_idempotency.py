"""Idempotency-Key: a POST that is sent again is answered as it was the first time, and done once, by both doors."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated, Any

import httpx
import pytest
from doors import Open, inline, natively, through_python
from fastapi import Depends, Header, HTTPException, Request
from pydantic import BaseModel, Field, computed_field, field_validator
from server_process import ServerProcess

from data_bridge import App


class Item(BaseModel):
    id: int | None = None
    name: str = Field(min_length=1)
    count: int = 0
    secret: str = Field("s", exclude=True)


class Checked(Item):
    @field_validator("name")
    @classmethod
    def strip(cls, value: str) -> str:
        return value.strip()


class Shown(Checked):
    @computed_field  # type: ignore[prop-decorator]
    @property
    def length(self) -> int:
        return len(self.name)


MODELS = [Item, Checked, Shown]
ITEM = {"name": "a"}


@pytest.fixture(params=[through_python, natively, inline], ids=["python", "native", "inline"])
def open_client(request: pytest.FixtureRequest) -> Open:
    opened: Open = request.param
    return opened


def post(client: httpx.Client, key: str, body: Any = ITEM, path: str = "/items", **headers: str) -> httpx.Response:
    return client.post(path, json=body, headers={"idempotency-key": key, **headers})


def seen(response: httpx.Response) -> tuple[int, bytes, dict[str, str]]:
    of_the_server = {"date", "server"}
    fields = {name: value for name, value in response.headers.items() if name not in of_the_server}
    return response.status_code, response.content, fields


def count(client: httpx.Client, path: str = "/items") -> int:
    total: int = client.get(f"{path}?limit=0&total=true").json()["total"]
    return total


@pytest.mark.parametrize("model", MODELS)
def test_a_repeat_gets_the_first_answer_and_creates_nothing(
    app: App, open_client: Open, model: type[BaseModel]
) -> None:
    app.crud(model, path="/items", unique=["name"])
    with open_client(app) as client:
        for number, body in enumerate(({"name": " a"}, [{"name": "b "}, {"name": "c"}], [])):
            first = post(client, f"key {number}", body)
            assert first.status_code == 201
            assert seen(post(client, f"key {number}", body)) == seen(first)
            assert seen(post(client, f'"key {number}"', body)) == seen(first)
        one = post(client, "key 0", {"name": " a"})
        assert one.headers["location"] == "/items/1"
        assert one.headers["etag"] == client.get("/items/1").headers["etag"]
        assert count(client) == 3
        # Also after the item is gone: it is the first answer.
        assert client.delete("/items/1").status_code == 204
        assert seen(post(client, "key 0", {"name": " a"})) == seen(one)
        # Without a key nothing is remembered, and the other operations know none.
        assert client.post("/items", json={"name": "c"}).status_code == 409
        for method in ("PUT", "PATCH", "DELETE", "GET"):
            body = {"name": "x"} if method in ("PUT", "PATCH") else None
            asked = {"idempotency-key": "key 0"}
            assert client.request(method, "/items/1", json=body, headers=asked).status_code == 404


@pytest.mark.parametrize("model", MODELS)
def test_a_conflict_is_an_answer_too(app: App, open_client: Open, model: type[BaseModel]) -> None:
    app.crud(model, path="/items", unique=["name"])
    with open_client(app) as client:
        client.post("/items", json=ITEM)
        for number, body in enumerate((ITEM, [{"name": "b"}, ITEM])):
            conflict = post(client, str(number), body)
            assert conflict.status_code == 409
        client.delete("/items/1")
        assert seen(post(client, "1", [{"name": "b"}, ITEM])) == seen(conflict)
        assert post(client, "2").status_code == 201
        # What is wrong with a request is not: nothing has been done.
        assert post(client, "3", {}).status_code == 422
        assert post(client, "3", {"name": "d"}).status_code == 201


@pytest.mark.parametrize("model", MODELS)
def test_another_body_is_422(app: App, open_client: Open, model: type[BaseModel]) -> None:
    app.crud(model, path="/items")
    with open_client(app) as client:
        post(client, "k")
        for other in ({"name": "b"}, [ITEM], {"name": "a", "count": 0}):
            refused = post(client, "k", other)
            assert refused.status_code == 422
            assert refused.json()["detail"] == [
                {
                    "type": "value_error",
                    "loc": ["header", "Idempotency-Key"],
                    "msg": "Value error, another request has had this key",
                    "input": "k",
                    "ctx": {"error": {}},
                }
            ]
        assert count(client) == 1


@pytest.mark.parametrize("model", MODELS)
def test_what_is_no_key_is_422(app: App, open_client: Open, model: type[BaseModel]) -> None:
    app.crud(model, path="/items")
    with open_client(app) as client:
        for keys, kind, given in (
            ([""], "string_too_short", ""),
            (['""'], "string_too_short", '""'),
            (["k" * 256], "string_too_long", "k" * 256),
            (["k", "k"], "value_error", ["k", "k"]),
        ):
            fields = [("content-type", "application/json"), *(("Idempotency-Key", key) for key in keys)]
            (error,) = client.post("/items", content=b'{"name":"a"}', headers=fields).json()["detail"]
            assert (error["type"], error["loc"], error["input"]) == (kind, ["header", "Idempotency-Key"], given)
            errors = client.post("/items?q=1", content=b"{}", headers=fields).json()["detail"]
            assert [each["loc"][0] for each in errors] == ["query", "header", "body"]
        assert count(client) == 0
        assert post(client, "k" * 255).status_code == 201
        letters = {"idempotency-key": b"\xe4\xff" * 60}
        first = client.post("/items", json=ITEM, headers=letters)  # type: ignore[arg-type]
        again = client.post("/items", json=ITEM, headers=letters)  # type: ignore[arg-type]
        assert seen(again) == seen(first)
        assert count(client) == 2


@pytest.mark.parametrize("model", MODELS)
def test_a_key_is_of_one_resource_and_one_scope(app: App, open_client: Open, model: type[BaseModel]) -> None:
    async def mine(user: Annotated[int, Header()]) -> dict[str, Any] | None:
        return None if user == 0 else {"count": user}

    app.crud(model, path="/items", scope=mine)
    app.crud(model, path="/others", table="items")
    app.crud(model, path="/fixed", table="items", scope={"name__in": ["a", "b"]})
    with open_client(app) as client:
        answers = [post(client, "k", user=user) for user in ("0", "1", "2")]
        answers += [post(client, "k", path=path) for path in ("/others", "/fixed")]
        assert [answer.json()["id"] for answer in answers] == [1, 2, 3, 4, 5]
        assert [seen(post(client, "k", user=user)) for user in ("0", "1", "2")] == [seen(each) for each in answers[:3]]
        assert seen(post(client, "k", path="/fixed")) == seen(answers[4])
        outside = post(client, "out", {"name": "z"}, path="/fixed")
        assert outside.status_code == 403
        assert seen(post(client, "out", {"name": "z"}, path="/fixed")) == seen(outside)
        assert count(client, "/others") == 5


@pytest.mark.parametrize("model", MODELS)
def test_hooks_run_once(app: App, open_client: Open, model: type[BaseModel]) -> None:
    ran: list[str] = []

    @app.crud(model, path="/items")
    class Items:
        def before_create(self, item: Item) -> None:
            if item.name == "never":
                raise HTTPException(402, "pay first")
            ran.append("before")
            item.count = len(ran)

        async def after_create(self, item: Item) -> None:
            ran.append("after")

    with open_client(app) as client:
        first = post(client, "k")
        assert seen(post(client, "k")) == seen(first)
        several = post(client, "l", [ITEM, ITEM])
        assert seen(post(client, "l", [ITEM, ITEM])) == seen(several)
        assert ran == ["before", "after", "before", "before", "after", "after"]
        # What a hook refuses has not been done.
        assert post(client, "m", {"name": "never"}).status_code == 402
        assert post(client, "m", {"name": "b"}).status_code == 201


def test_one_in_progress_is_409(app: App, open_client: Open) -> None:
    entered, release = threading.Event(), threading.Event()

    @app.crud(Item, path="/items")
    class Items:
        def before_create(self, item: Item) -> None:
            entered.set()
            assert release.wait(30)

    with open_client(app) as client:
        answers: list[httpx.Response] = []
        first = threading.Thread(target=lambda: answers.append(post(client, "k")))
        first.start()
        assert entered.wait(30)
        for _ in range(2):
            busy = post(client, "k")
            assert (busy.status_code, busy.headers["retry-after"]) == (409, "1")
            assert busy.json() == {"detail": "A request with this Idempotency-Key is in progress"}
        release.set()
        first.join()
        assert answers[0].status_code == 201
        assert seen(post(client, "k")) == seen(answers[0])
        assert count(client) == 1


@pytest.mark.parametrize("model", MODELS)
def test_of_many_at_once_one_is_done(app: App, open_client: Open, model: type[BaseModel]) -> None:
    app.crud(model, path="/items")
    with open_client(app) as client:
        answers: list[tuple[str, httpx.Response]] = []

        def send() -> None:
            for number in range(10):
                answers.append((f"k{number}", post(client, f"k{number}", {"name": f"n{number}"})))

        threads = [threading.Thread(target=send) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert count(client) == 10
        first = {f"k{number}": seen(post(client, f"k{number}", {"name": f"n{number}"})) for number in range(10)}
        for key, answer in answers:
            assert answer.status_code == 409 or seen(answer) == first[key]


def test_after_a_day_a_key_is_new_again(app: App, open_client: Open, tmp_path: Path) -> None:
    app.crud(Item)
    with open_client(app) as client:
        first = post(client, "k")

        def grow_older(seconds: int) -> None:
            with closing(sqlite3.connect(tmp_path / "test.db")) as other, other:
                other.execute("UPDATE data_bridge_idempotency SET created = created - ?", (seconds,))

        grow_older(86_000)
        assert seen(post(client, "k")) == seen(first)
        grow_older(400)
        assert post(client, "k", {"name": "b"}).headers["location"] == "/items/2"


def test_an_answer_that_is_too_long_to_be_kept_is_413(app: App, open_client: Open) -> None:
    app.crud(Item)
    with open_client(app) as client:
        body = [{"name": "x" * 1000}] * 1100
        assert post(client, "k", body).status_code == 413
        assert count(client) == 0
        assert client.post("/items", json=body).status_code == 201


@contextmanager
def processes(directory: Path, *options: str) -> Iterator[ServerProcess]:
    environment = {"KEYED_APP_STORE": f"sqlite:///{directory / 'test.db'}"}
    server = ServerProcess("keyed_app:app", directory, options, search=Path(__file__).parent, environment=environment)
    try:
        server.wait_until_it_answers()
        yield server
    finally:
        server.kill_group()


@pytest.mark.parametrize("io_threads", ["0", "1"])
@pytest.mark.parametrize("path", ["/items", "/checkeds"])
def test_kill_9_between_a_request_and_its_repeat(tmp_path: Path, io_threads: str, path: str) -> None:
    clients, each = 4, 2000
    answered: dict[str, Any] = {}
    for round_ in range(3):
        with processes(tmp_path, "--io-threads", io_threads, "--no-access-log") as server:
            # All that was answered, and what was not and may have been done or not.
            with httpx.Client(base_url=server.url) as client:
                for key, answer in answered.items():
                    repeated = seen(post(client, key, {"name": key}, path))
                    assert answer is None or repeated == answer
                assert count(client, path) == len(answered)
            begun = threading.Barrier(clients + 1)

            def send(prefix: str, server: ServerProcess = server, begun: threading.Barrier = begun) -> None:
                with httpx.Client(base_url=server.url) as client:
                    for number in range(each):
                        key = f"{prefix} {number}"
                        answered[key] = None
                        try:
                            answered[key] = seen(post(client, key, {"name": key}, path))
                        except httpx.TransportError:
                            return
                        if number == 20:
                            begun.wait(60)

            threads = [threading.Thread(target=send, args=(f"{round_} {worker}",)) for worker in range(clients)]
            for thread in threads:
                thread.start()
            begun.wait(60)
            server.kill()
            for thread in threads:
                thread.join()
    assert sum(answer is None for answer in answered.values()) > 0
    with processes(tmp_path) as server, httpx.Client(base_url=server.url) as client:
        for key in answered:
            assert post(client, key, {"name": key}, path).status_code == 201
    with closing(sqlite3.connect(tmp_path / "test.db")) as database:
        stored = [name for (name,) in database.execute(f"SELECT name FROM {path[1:]}")]
    assert sorted(stored) == sorted(answered)


@pytest.mark.parametrize("path", ["/items", "/checkeds"])
def test_two_processes_agree(tmp_path: Path, path: str) -> None:
    with processes(tmp_path, "--workers", "2", "--no-access-log") as server:
        answers: dict[str, set[Any]] = {str(number): set() for number in range(30)}

        def send() -> None:
            for key, found in answers.items():
                with httpx.Client(base_url=server.url) as client:  # a connection of its own, to either of them
                    answer = post(client, key, {"name": key}, path)
                if answer.status_code != 409:
                    found.add((answer.status_code, answer.content, answer.headers["location"]))

        threads = [threading.Thread(target=send) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert [len(found) for found in answers.values()] == [1] * len(answers)
        with httpx.Client(base_url=server.url) as client:
            assert count(client, path) == len(answers)


def test_who_is_not_let_in_is_not_answered_from_memory(app: App, open_client: Open) -> None:
    async def user(request: Request) -> None:
        if request.headers.get("authorization") != "me":
            raise HTTPException(401)

    app.crud(Item, dependencies=[Depends(user)])
    with open_client(app) as client:
        assert post(client, "k", authorization="me").status_code == 201
        assert post(client, "k").status_code == 401


def test_the_documentation_names_the_field(app: App, open_client: Open) -> None:
    app.crud(Item)
    with open_client(app) as client:
        paths = client.get("/openapi.json").json()["paths"]
    (parameter,) = paths["/items"]["post"]["parameters"]
    assert (parameter["name"], parameter["in"], parameter["required"]) == ("Idempotency-Key", "header", False)
    assert "Idempotency-Key" in paths["/items"]["post"]["responses"]["409"]["description"]
