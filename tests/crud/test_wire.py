"""What clients see, by both doors, compared with what FastAPI does where FastAPI has an answer."""

from __future__ import annotations

import itertools
import json
import math
import random
import uuid
from datetime import datetime
from typing import Annotated, Any

import httpx
import pytest
from doors import Open
from fastapi import Depends, FastAPI, HTTPException, Query, Request
from fastapi.testclient import TestClient
from pydantic import BaseModel, ConfigDict, Field, field_validator

from data_bridge import App


class Address(BaseModel):
    street: str
    zip: str | None = None


class Product(BaseModel):
    id: int | None = None
    name: str = Field(min_length=1, max_length=80)
    price: float = Field(gt=0)
    count: int = 0
    tags: list[str] = []
    made: datetime | None = None
    serial: uuid.UUID | None = None
    address: Address | None = None
    fresh: bool = False


ITEM = {"name": "Kettle", "price": 12.5}
WHOLE = {
    "id": 1, "name": "Kettle", "price": 12.5, "count": 0, "tags": [], "made": None, "serial": None, "address": None,
    "fresh": False,
}  # fmt: skip


def twin() -> TestClient:
    """The same model in a hand-written FastAPI application: the oracle."""
    app = FastAPI()

    @app.post("/products", status_code=201)
    async def create(item: Product) -> Product:
        return item

    @app.get("/products")
    async def page(limit: Annotated[int, Query(ge=0, le=100)] = 20) -> int:
        return limit

    @app.get("/products/{id}")
    async def get(id: int) -> int:
        return id

    @app.put("/products/{id}")
    async def put(id: int, item: Product) -> Product:
        return item

    return TestClient(app)


@pytest.mark.parametrize("key", ["1", "x", "1.5"])
@pytest.mark.parametrize(
    "body", [b"", b"{}", b"[]", b'{"name": 3, "price": -1}', b'{"name": ', b"\xff", json.dumps(ITEM).encode()]
)
def test_all_errors_of_a_request_come_at_once(app: App, open_client: Open, key: str, body: bytes) -> None:
    app.crud(Product)
    headers = {"content-type": "application/json"}
    with open_client(app) as client:
        ours = client.put(f"/products/{key}", content=body, headers=headers)
    theirs = twin().put(f"/products/{key}", content=body, headers=headers)
    if theirs.status_code == 200:  # no such item here
        assert ours.status_code == 404
    else:
        assert (ours.status_code, ours.content) == (theirs.status_code, theirs.content)


def test_a_life(app: App, open_client: Open) -> None:
    app.crud(Product)
    with open_client(app) as client:
        created = client.post("/products", json=ITEM)
        assert (created.status_code, created.json(), created.headers["location"]) == (201, WHOLE, "/products/1")
        assert client.get(created.headers["location"]).json() == WHOLE
        replaced = client.put("/products/1", json={"name": "Pot", "price": 3, "tags": ["a", "b"]})
        assert (replaced.status_code, replaced.json()) == (
            200,
            WHOLE | {"name": "Pot", "price": 3.0, "tags": ["a", "b"]},
        )
        patched = client.patch("/products/1", json={"tags": ["c"], "address": {"street": "x"}})
        assert patched.json() == replaced.json() | {"tags": ["c"], "address": {"street": "x", "zip": None}}
        assert client.get("/products").json() == {"items": [patched.json()], "next": None}
        deleted = client.delete("/products/1")
        assert (deleted.status_code, deleted.content, deleted.headers.get("content-type")) == (204, b"", None)
        assert client.get("/products/1").json() == {"detail": "Not Found"}
        assert client.get("/products").json() == {"items": [], "next": None}


def test_head_answers_like_get_without_a_body(app: App, open_client: Open) -> None:
    app.crud(Product)
    with open_client(app) as client:
        client.post("/products", json=ITEM)
        for path in ("/products", "/products/1", "/products/2", "/products/x", "/products?limit=0"):
            get, head = client.get(path), client.head(path)
            assert head.status_code == get.status_code
            assert head.content == b""
            assert head.headers["content-length"] == str(len(get.content))
            assert head.headers["content-type"] == get.headers["content-type"]


def test_pages_skip_and_repeat_nothing_under_writes(app: App, open_client: Open) -> None:
    app.crud(Product, page_size=7)
    with open_client(app) as client:
        for _ in range(40):
            client.post("/products", json=ITEM)
        seen: list[int] = []
        url: str | None = "/products"
        while url is not None:
            page = client.get(url)
            seen += [item["id"] for item in page.json()["items"]]
            client.delete(f"/products/{seen[-1]}")  # the very item that the cursor stands on
            client.post("/products", json=ITEM)
            link = page.links.get("next")
            assert (link is None) == (page.json()["next"] is None)
            url = link["url"] if link and len(seen) < 40 else None
        assert seen[:40] == list(range(1, 41))


BAD_BODIES = [
    b"",
    b"{}",
    b"null",
    b'"x"',
    b"{",
    b'{"name": "a", "price": 1,}',
    b'{"name": "", "price": 0}',
    b'{"name": 1, "price": "x", "count": 1.5, "tags": "no", "made": "x", "serial": "y", "address": [], "fresh": 7}',
    b'{"name": "a", "price": 1, "address": {"street": null}}',
    b'{"name": "a", "price": 1, "tags": [1, "b", null]}',
    b'{"name": "a", "price": NaN}',
    b'{"name": "\xff", "price": 1}',
    b'{"name": "\\ud800", "price": 1}',
    b'{"name": "a", "price": 1, "count": 1e999}',
    b'{"name": "' + b"x" * 81 + b'", "price": 1e999}',
]


@pytest.mark.parametrize("body", [*BAD_BODIES, b"[]"])
def test_a_bad_body_is_answered_as_fastapi_does(app: App, open_client: Open, body: bytes) -> None:
    app.crud(Product)
    oracle = TestClient(twin().app, raise_server_exceptions=False)
    with open_client(app) as client:
        for headers in ({"content-type": "application/json"}, {"content-type": "text/plain"}, {}):
            expected = oracle.post("/products", content=body, headers=headers)
            if body != b"[]":  # no items at all
                answered = client.post("/products", content=body, headers=headers)
                assert (answered.status_code, answered.content) == (expected.status_code, expected.content)
            put = client.put("/products/1", content=body, headers=headers)
            assert (put.status_code, put.content) == (expected.status_code, expected.content)


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=-1", "limit=101", "limit=", "limit=x", "limit=1.5", "limit=1&limit=y", "limit=1_0"]
)
def test_a_bad_limit_is_answered_as_fastapi_does(app: App, open_client: Open, query: str) -> None:
    app.crud(Product)
    expected = twin().get(f"/products?{query}")
    with open_client(app) as client:
        answered = client.get(f"/products?{query}")
        assert answered.status_code == expected.status_code
        if expected.status_code == 422:
            assert answered.content == expected.content


@pytest.mark.parametrize("key", ["x", "1.5", "1e3", "", "%20", "9" * 5000, "%FF", "0x1", "-"])
def test_a_bad_key_is_answered_as_fastapi_does(app: App, open_client: Open, key: str) -> None:
    app.crud(Product)
    expected = twin().get(f"/products/{key}", follow_redirects=False)
    with open_client(app) as client:
        answered = client.get(f"/products/{key}", follow_redirects=False)
        assert answered.status_code == expected.status_code
        if expected.status_code == 422:
            assert answered.content == expected.content


class NoQuery(BaseModel):
    model_config = ConfigDict(extra="forbid")


Unasked = Annotated[NoQuery, Query()]


class PageQuery(NoQuery):
    limit: int = Field(default=20, ge=0, le=100)
    cursor: str | None = None

    @field_validator("cursor")
    @classmethod
    def refuse(cls, value: str) -> str:
        raise ValueError("the cursor is damaged or belongs to another query")


class Changes(BaseModel):
    name: str | None = Field(default=None, min_length=1, max_length=80)
    price: float | None = Field(default=None, gt=0)
    count: int | None = None
    tags: list[str] | None = None
    made: datetime | None = None
    serial: uuid.UUID | None = None
    fresh: bool | None = None


async def refuse_media_type(request: Request) -> None:
    media_type = request.headers.get("content-type", "").split(";")[0].strip().lower()
    if media_type not in ("application/json", "application/merge-patch+json"):
        accepted = {"accept-patch": "application/merge-patch+json, application/json"}
        raise HTTPException(415, "Unsupported Media Type", headers=accepted)


def strict_twin() -> TestClient:
    """All of a resource's parameters, hand-written; what is right gets 404, as in a resource without items."""
    app = FastAPI()

    @app.get("/products")
    async def page(query: Annotated[PageQuery, Query()]) -> None:
        raise HTTPException(404)

    @app.post("/products")
    async def create(item: Product, query: Unasked) -> None:
        raise HTTPException(404)

    @app.get("/products/{id}")
    @app.delete("/products/{id}")
    async def get(id: int, query: Unasked) -> None:
        raise HTTPException(404)

    @app.put("/products/{id}")
    async def replace(id: int, item: Product, query: Unasked) -> None:
        raise HTTPException(404)

    @app.patch("/products/{id}", dependencies=[Depends(refuse_media_type)])
    async def update(id: int, changes: Changes, query: Unasked) -> None:
        raise HTTPException(404)

    return TestClient(app, raise_server_exceptions=False)


KEYS = ["7", "x", "9" * 19, "1.5", "%C3%A9"]
QUERIES = ["", "?b=%C3%A9&a=1&b=&a+b&b=2", "?a=1", "?lim=0", "?&"]
MEDIA_TYPES = ["application/json", "application/merge-patch+json", "application/json-patch+json", "text/plain", None]
PATCHES = [
    *(body for body in BAD_BODIES if b"address" not in body),
    b'{"name": "a", "price": 2}',
    b'{"count": "many", "unknown": {"x": 1}, "tags": ["a", 2]}',
    b'{"tags": null, "name": null, "price": -1, "made": "2024-13-01"}',
]


def differences(
    method: str, urls: list[str], bodies: list[tuple[bytes, str | None]], client: httpx.Client, oracle: TestClient
) -> tuple[int, list[Any]]:
    """How many requests FastAPI refuses, and those that `client` answers in another way."""
    refused, different = 0, []
    for url in urls:
        for body, media_type in bodies:
            headers = {} if media_type is None else {"content-type": media_type}
            answers = [each.request(method, url, content=body, headers=headers) for each in (oracle, client)]
            expected, answered = [
                (answer.status_code, answer.content, answer.headers.get("accept-patch")) for answer in answers
            ]
            refused += expected[0] != 404
            if expected != answered:
                different.append((method, url, body, media_type, expected, answered))
    return refused, different


@pytest.mark.parametrize("method", ["GET", "DELETE", "PUT", "PATCH"])
def test_errors_of_all_parts_of_a_request_are_one_list(app: App, open_client: Open, method: str) -> None:
    app.crud(Product)
    urls = [f"/products/{key}{query}" for key in KEYS for query in QUERIES]
    bodies: list[tuple[bytes, str | None]] = [(b"", None)]
    if method in ("PUT", "PATCH"):
        contents = PATCHES if method == "PATCH" else [*BAD_BODIES, b"[]", b'{"name": "a", "price": 2}']
        bodies = [(content, media_type) for content in contents for media_type in MEDIA_TYPES]
        urls = [f"/products/{key}{query}" for key in KEYS[:3] for query in QUERIES[:2]]
    with open_client(app) as client, strict_twin() as oracle:
        refused, different = differences(method, urls, bodies, client, oracle)
    assert different == []
    assert refused >= len(urls) * len(bodies) // 2


def test_errors_of_query_and_body_are_one_list(app: App, open_client: Open) -> None:
    app.crud(Product)
    bodies = [(body, media_type) for body in BAD_BODIES for media_type in MEDIA_TYPES]
    with open_client(app) as client, strict_twin() as oracle:
        refused, different = differences("POST", [f"/products{query}" for query in QUERIES], bodies, client, oracle)
    assert different == []
    assert refused == len(QUERIES) * len(bodies)


def test_errors_of_a_page_are_one_list(app: App, open_client: Open) -> None:
    app.crud(Product)
    limits, cursors = ("limit=-1", "limit=x&limit=101", "limit=3"), ("cursor=x", "cursor=&cursor=%C3")
    orders = [itertools.permutations(parts) for parts in itertools.product(limits, cursors)]
    urls = ["/products?" + "&".join(parts) for parts in itertools.chain.from_iterable(orders)]
    with open_client(app) as client, strict_twin() as oracle:
        refused, different = differences("GET", urls, [(b"", None)], client, oracle)
    assert different == []
    assert refused == len(urls)


@pytest.mark.parametrize("cursor", ["x", "", "AAAA", "%00", "../..", "' OR 1=1", "MZ-R5wAAAAAAAAAF", "A" * 5000])
def test_a_damaged_cursor_is_422(app: App, open_client: Open, cursor: str) -> None:
    app.crud(Product)
    with open_client(app) as client:
        answered = client.get("/products", params={"cursor": cursor})
        assert answered.status_code == 422
        assert answered.json()["detail"][0]["loc"] == ["query", "cursor"]


def test_a_cursor_of_another_resource_is_422(app: App, open_client: Open) -> None:
    app.crud(Product, page_size=1)
    app.crud(Product, path="/others")
    with open_client(app) as client:
        for _ in range(2):
            client.post("/products", json=ITEM)
        cursor = client.get("/products").json()["next"]
        assert client.get("/products", params={"cursor": cursor}).status_code == 200
        assert client.get("/others", params={"cursor": cursor}).status_code == 422


def test_an_unknown_parameter_is_422_and_changes_nothing(app: App, open_client: Open) -> None:
    app.crud(Product)
    with open_client(app) as client:
        assert client.post("/products?dry=1", json=ITEM).status_code == 422
        assert client.get("/products").json()["items"] == []
        client.post("/products", json=ITEM)
        refused = {
            "type": "extra_forbidden", "loc": ["query", "a b"], "msg": "Extra inputs are not permitted", "input": "c d",
        }  # fmt: skip
        for method, path in (("GET", "/products/1"), ("DELETE", "/products/1")):
            answered = client.request(method, path + "?a%20b=c+d")
            assert answered.json()["detail"] == [refused]
        listed = client.get("/products?a%20b=c+d").json()["detail"]
        assert listed == [refused | {"msg": "Extra inputs are not permitted; the nearest name is 'id'"}]
        assert client.get("/products/1").status_code == 200


def test_conflicts_name_the_fields(app: App, open_client: Open) -> None:
    app.crud(Product, unique=["serial", ("name", "count")])
    with open_client(app) as client:
        serial = str(uuid.uuid4())
        client.post("/products", json=ITEM | {"serial": serial})
        answered = client.post("/products", json=ITEM | {"count": 1, "serial": serial.upper()})
        assert (answered.status_code, answered.json()) == (409, {"detail": "An item with this serial already exists"})
        answered = client.post("/products", json=ITEM)
        assert answered.json() == {"detail": "An item with this name and count already exists"}
        assert client.post("/products", json=ITEM | {"count": 2}).status_code == 201  # two without a serial
        assert client.patch("/products/2", json={"count": 0}).status_code in (404, 409)


def test_values_come_back_as_pydantic_writes_them(app: App, open_client: Open) -> None:
    app.crud(Product)
    rng = random.Random(20240229)
    zones = ["Z", "+05:30", "-11:00", ""]
    with open_client(app) as client:
        for number in range(60):
            price = (
                abs(rng.choice([rng.uniform(0, 1), rng.expovariate(1e-9), 5e-324, 1e16, 1e15, 1e-5, 1.7e308])) or 1.0
            )
            body = {
                "name": "".join(rng.choice("aé€🌍\u0000\u2028\"\\'/<\x7f") for _ in range(rng.randint(1, 20))),
                "price": price,
                "count": rng.choice([2**63 - 1, -(2**63), 0, rng.randint(-(2**62), 2**62)]),
                "tags": [rng.choice(["", "x", "é'\"", "null"]) for _ in range(rng.randint(0, 4))],
                "made": f"20{number % 30:02}-02-28T23:59:59.{rng.randint(0, 999999):06}{rng.choice(zones)}",
                "serial": uuid.UUID(int=rng.getrandbits(128)).hex,
                "address": rng.choice([None, {"street": "s", "zip": rng.choice([None, "0150"])}]),
                "fresh": rng.choice([True, False, "yes", 0]),
            }
            created = client.post("/products", json=body)
            assert created.status_code == 201, created.text
            key = created.json()["id"]
            expected = Product.model_validate(body | {"id": key}).model_dump_json()
            assert created.text == expected
            assert client.get(f"/products/{key}").text == expected
            assert client.patch(f"/products/{key}", json={}).text == expected
            put = client.put(f"/products/{key}", content=expected, headers={"content-type": "application/json"})
            assert put.text == expected
        listed = client.get("/products", params={"limit": 60}).json()["items"]
        assert [item["id"] for item in listed] == list(range(1, 61))


def test_numbers_that_json_cannot_write_are_null(app: App, open_client: Open) -> None:
    class Measure(BaseModel):
        id: int | None = None
        value: float

    app.crud(Measure)
    with open_client(app) as client:
        for text in ("NaN", "Infinity", "-1e999"):
            created = client.post(
                "/measures", content=f'{{"value": {text}}}', headers={"content-type": "application/json"}
            )
            assert (created.status_code, created.json()["value"]) == (201, None)
            assert client.get(created.headers["location"]).content == created.content
            assert client.patch(created.headers["location"], json={}).content == created.content
        zero = client.post("/measures", content=b'{"value": -0.0}', headers={"content-type": "application/json"})
        assert math.copysign(1, client.get(zero.headers["location"]).json()["value"]) == -1


def test_an_int_field_has_64_bits(app: App, open_client: Open) -> None:
    app.crud(Product)
    with open_client(app) as client:
        answered = client.post("/products", json=ITEM | {"count": 2**63})
        assert answered.json()["detail"] == [
            {
                "type": "less_than_equal",
                "loc": ["body", "count"],
                "msg": "Input should be less than or equal to 9223372036854775807",
                "input": 2**63,
                "ctx": {"le": 2**63 - 1},
            }
        ]
        assert client.post("/products", json=ITEM | {"count": -(2**63) - 1}).status_code == 422


def test_merge_patch(app: App, open_client: Open) -> None:
    app.crud(Product)
    with open_client(app) as client:
        client.post(
            "/products", json=ITEM | {"address": {"street": "s", "zip": "1"}, "count": 5, "serial": str(uuid.uuid4())}
        )
        for type_ in ("application/merge-patch+json", "application/json; charset=utf-8"):
            patch = client.patch("/products/1", content=b'{"address": {"zip": null}}', headers={"content-type": type_})
            assert patch.json()["address"] == {"street": "s", "zip": None}
        assert client.patch("/products/1", json={"count": None, "serial": None}).json()["count"] == 0
        assert client.patch("/products/1", json={"address": {"street": None}}).status_code == 422
        assert client.patch("/products/1", json={"id": 2}).status_code == 422
        refused = client.patch("/products/1", content=b"[]", headers={"content-type": "application/json-patch+json"})
        assert (refused.status_code, refused.json()) == (415, {"detail": "Unsupported Media Type"})
        assert "merge-patch" in refused.headers["accept-patch"]
        assert client.get("/products/1").json()["count"] == 0


def test_aliases_are_the_names_on_the_wire(app: App, open_client: Open) -> None:
    class User(BaseModel):
        model_config = ConfigDict(populate_by_name=True)
        key: int | None = Field(default=None, alias="userId")
        mail: str = Field(alias="eMail")

    app.crud(User, key="key", unique=["mail"])
    with open_client(app) as client:
        assert client.post("/users", json={"eMail": "a"}).text == '{"userId":1,"eMail":"a"}'
        assert client.post("/users", json={"mail": "b", "key": 7}).text == '{"userId":2,"eMail":"b"}'
        assert client.patch("/users/2", json={"eMail": "c"}).text == '{"userId":2,"eMail":"c"}'
        assert client.patch("/users/2", json={"mail": "d"}).text == '{"userId":2,"eMail":"d"}'
        assert client.put("/users/2", json={"eMail": "a"}).json() == {
            "detail": "An item with this eMail already exists"
        }


def test_a_text_key_is_given_by_the_client(app: App, open_client: Open) -> None:
    class Country(BaseModel):
        code: str = Field(pattern="^[A-Z]{2}$")
        name: str = ""

    app.crud(Country, key="code")
    with open_client(app) as client:
        assert client.post("/countries", json={"code": "NO"}).headers["location"] == "/countries/NO"
        assert client.post("/countries", json={"code": "NO"}).status_code == 409
        assert client.post("/countries", json={}).json()["detail"][0]["type"] == "missing"
        assert client.put("/countries/NO", json={"code": "NO", "name": "Norway"}).json()["name"] == "Norway"
        assert client.get("/countries/no").status_code == 404


def test_uuid_keys_are_version_7(app: App, open_client: Open) -> None:
    class Event(BaseModel):
        id: uuid.UUID = Field(default_factory=uuid.uuid4)
        name: str

    app.crud(Event)
    with open_client(app) as client:
        keys = [client.post("/events", json={"name": str(i)}).json()["id"] for i in range(5)]
        assert keys == sorted(keys)
        assert {uuid.UUID(key).version for key in keys} == {7}
        assert [item["id"] for item in client.get("/events").json()["items"]] == keys
        given = str(uuid.uuid4())
        assert client.post("/events", json={"id": given.upper(), "name": "x"}).json()["id"] == given
        assert client.get(f"/events/{given}").json()["name"] == "x"


def test_hard_names_and_hostile_values(app: App, open_client: Open) -> None:
    class Select(BaseModel):
        id: int | None = None
        name: str = "a"
        NAME: str = "b"
        rowid: str = "c"
        order: str = "d"
        Übung: str = "e"

    app.crud(Select, path="/from")
    hostile = ['\'; DROP TABLE "from"; --', '" OR ""="', "%s%n", "\u0000", "$ne", "{{7*7}}", "\\'; --"]
    with open_client(app) as client:
        for text in hostile:
            body = dict.fromkeys(("name", "NAME", "rowid", "order", "Übung"), text)
            created = client.post("/from", json=body)
            assert created.json() == body | {"id": created.json()["id"]}
            assert client.get(created.headers["location"]).json() == created.json()
        assert len(client.get("/from").json()["items"]) == len(hostile)


def test_both_doors_give_the_same_bytes(store: str) -> None:
    """Every kind of answer, headers and their order included."""

    def answers(client: httpx.Client) -> list[Any]:
        requests: list[tuple[str, str, Any]] = [
            ("POST", "/products", ITEM),
            ("POST", "/products", {"name": ""}),
            ("POST", "/products", ITEM | {"id": 1}),
            ("GET", "/products/1", None),
            ("GET", "/products/2", None),
            ("GET", "/products/x", None),
            ("POST", "/products", ITEM | {"tags": ["é"]}),
            ("GET", "/products?limit=1", None),
            ("HEAD", "/products?limit=1", None),
            ("PATCH", "/products/2", {"count": 3}),
            ("PUT", "/products/2", ITEM),
            ("DELETE", "/products/2", None),
            ("DELETE", "/products", None),
            ("OPTIONS", "/products/1", None),
        ]
        result = []
        for method, path, body in requests:
            answer = client.request(method, path, json=body) if body is not None else client.request(method, path)
            ignored = ("date", "server")
            headers = [pair for pair in answer.headers.multi_items() if pair[0] not in ignored]
            result.append((method, path, answer.status_code, headers, answer.content))
        return result

    from doors import natively, through_python

    seen = []
    for number, opened in enumerate((through_python, natively)):
        app = App(store=store.replace("test.db", f"{number}.db"))
        app.crud(Product)
        with opened(app) as client:
            seen.append(answers(client))
    assert seen[0] == seen[1]


def test_a_second_mount_of_a_model_has_operations_of_its_own(app: App) -> None:
    app.crud(Product)
    app.crud(Product, path="/admin/products", table="more")
    with TestClient(app) as client:
        paths = client.get("/openapi.json").json()["paths"]
    operations = [operation["operationId"] for path in paths.values() for operation in path.values()]
    assert len(set(operations)) == len(operations) == 12


def test_openapi_describes_what_is_served(app: App) -> None:
    class Note(BaseModel):
        text: str

    app.crud(Product)
    app.crud(Note, summary="remark", tags=["notes"])
    with TestClient(app) as client:
        document = client.get("/openapi.json").json()
    paths, schemas = document["paths"], document["components"]["schemas"]
    assert set(paths) == {"/products", "/products/{id}", "/notes", "/notes/{id}"}
    assert set(paths["/products"]) == {"get", "post"}
    assert set(paths["/products/{id}"]) == {"get", "put", "patch", "delete"}
    parameters = {parameter["name"]: parameter for parameter in paths["/products"]["get"]["parameters"]}
    assert list(parameters) == [
        "limit", "cursor", "sort", "fields", "where", "offset", "total", "id", "name", "price", "count",
        "tags__contains", "made", "serial", "address__isnull", "address.street", "address.zip", "fresh",
    ]  # fmt: skip
    limit = parameters["limit"]["schema"]
    assert (limit["maximum"], limit["default"]) == (100, 20)
    assert "startswith" in parameters["where"]["description"]
    price = parameters["price"]["schema"]
    assert (price["type"], price["exclusiveMinimum"]) == ("number", 0)
    one, several = paths["/products"]["post"]["requestBody"]["content"]["application/json"]["schema"]["anyOf"]
    assert several["items"] == one
    assert schemas[one["$ref"].rsplit("/", 1)[1]]["required"] == ["name", "price"]
    assert set(paths["/products/{id}"]["put"]["responses"]) == {"200", "400", "404", "409", "412", "422", "503"}
    changes = paths["/products/{id}"]["patch"]["requestBody"]["content"]["application/json"]["schema"]["$ref"]
    assert "required" not in schemas[changes.rsplit("/", 1)[1]]
    assert paths["/products/{id}"]["get"]["parameters"][0]["schema"]["type"] == "integer"
    assert schemas["Note"]["required"] == ["text", "id"]
    assert "id" not in schemas["NoteCreate"]["properties"]
    assert paths["/notes"]["get"]["summary"] == "List remarks"
    assert paths["/notes"]["get"]["tags"] == ["notes"]
    operations = [operation["operationId"] for path in paths.values() for operation in path.values()]
    on_one = [
        f"{verb}_{name}" for name in ("product", "remark") for verb in ("create", "get", "replace", "update", "delete")
    ]
    assert sorted(operations) == sorted([*on_one, "list_products", "list_remarks"])
    assert "ProductUpdate" in schemas
    json.dumps(document)
