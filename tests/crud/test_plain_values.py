"""Types that Pydantic validates in Python: plain values natively, the others through Python, with the same answers."""

from __future__ import annotations

import json
import random
from datetime import date, timedelta
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path, PurePosixPath
from typing import Annotated, Any

import httpx
import pytest
from doors import Open, natively
from pydantic import (
    VERSION,
    AnyHttpUrl,
    AnyUrl,
    AwareDatetime,
    BaseModel,
    EmailStr,
    Field,
    FutureDate,
    FutureDatetime,
    HttpUrl,
    IPvAnyAddress,
    NaiveDatetime,
    PastDate,
    PastDatetime,
    TypeAdapter,
    ValidationError,
    create_model,
)
from python_models import checked, declared, same
from random_bodies import random_body, rows

from data_bridge import App
from data_bridge._core import SchemaModel
from data_bridge.plain_values import _emails_are_known, plain_emails
from data_bridge.schema import export_item
from data_bridge.stores import stores_of
from data_bridge.testing import LiveServer

CASES = 4000
HAS_URLS = bool(export_item(declared("M", url=HttpUrl), may_doubt=True).doubts)  # since Pydantic 2.10
# Of earlier releases some keep addresses and paths in other schemas.
KNOWS_ADDRESSES = tuple(map(int, VERSION.split(".")[:2])) >= (2, 14)
urls_only = pytest.mark.skipif(not HAS_URLS, reason="a URL of this Pydantic is a type of pydantic_core's")


def parts(*texts: str) -> list[str]:
    return list(texts)


EMAIL_PARTS = [
    *parts("a", "Ann", "info", "Info", "POSTMASTER", "x.y", ".", "..", "+tag", "'", "@", "@", "@", "b.co", "Mail.Org"),
    *parts("a-b.de", "-", "--", "xn--", "xn--bcher-kva.de", "x.test", "localhost", "sub.local", "c1.com", "b.c1", " "),
    *parts("\u00e4", "\u00df.de", "<", ">", '"', "[1.2.3.4]", "1.2.3.4", "\n", "%", "a" * 64, "b" * 63 + ".co", "_"),
]
URL_PARTS = [
    *parts("http://", "https://", "HTTP://", "ftp://", "//", "example.com", "Example.com", "a-1.b.co", "localhost"),
    *parts("127.0.0.1", "1.0x7f", "0x7f.1", "[::1]", "xn--a", "xn--bcher-kva.de", "\u00e4.de", ":80", ":443", ":8080"),
    *parts("u:p@", "@", "/", "//", "/.", "/..", "/a", "/%41", "%2e", "?", "?a=b", "&c='d'", "#", "#f", " ", "\t", "\\"),
    *parts(
        "|", "{x}", "^", "`", '"', "<", "~", "_", ".", "..", "-", "--", "$", "!", "*", "(", ")", ";", ",", "=", "a" * 99
    ),
]
ADDRESS_PARTS = parts(
    "0", "1", "9", "25", "255", "256", "01", ".", "..", ":", "::", ":0:", "db8", "ffff", "FF", "%1", " ", "/8", ""
)
PATH_PARTS = parts("a", "b.txt", "/", "/", "//", ".", "..", "./", "~", " ", "\\", "\0", "\n", "\u00e4", "C:", "%2F")
LIKELY = {
    "email": ["a", "@", "b.co"],
    "url": ["https://", "example.com", "/a"],
    "v4": ["192", ".", "0", ".", "2", ".", "1"],
    "v6": ["2001", ":", "db8", "::", "1", ":", "0"],
    "path": ["a", "/", "b", "/", "c"],
}


def random_text(source: random.Random, given: list[str], likely: list[str]) -> str:
    made = list(likely)
    for _ in range(source.randint(0, 3)):
        place = source.randint(0, len(made))
        made[place : place + source.randint(0, 1)] = [source.choice(given)]
    return "".join(made)


def expected(adapter: TypeAdapter[Any], text: Any) -> str:
    try:
        return json.dumps(adapter.dump_python(adapter.validate_python(text), mode="json"))
    except ValidationError as error:
        return str([each["type"] for each in error.errors(include_url=False, include_context=False)])


def found(model: SchemaModel, text: Any) -> str:
    status, body = model.validate(json.dumps({"value": text}).encode(), True)
    answer = json.loads(body)
    return json.dumps(answer["value"]) if status == 200 else str([each["type"] for each in answer["detail"]])


@pytest.mark.parametrize(
    ("annotation", "given", "likely"),
    [
        (EmailStr, EMAIL_PARTS, LIKELY["email"]),
        (Annotated[EmailStr, Field(description="x")], EMAIL_PARTS, LIKELY["email"]),
        (Annotated[EmailStr, Field(max_length=9)], EMAIL_PARTS, LIKELY["email"]),
        (Annotated[EmailStr, Field(min_length=8, max_length=255)], EMAIL_PARTS, LIKELY["email"]),
        pytest.param(Annotated[HttpUrl, Field(max_length=21)], URL_PARTS, LIKELY["url"], marks=urls_only),
        pytest.param(HttpUrl, URL_PARTS, LIKELY["url"], marks=urls_only),
        pytest.param(AnyUrl, URL_PARTS, LIKELY["url"], marks=urls_only),
        pytest.param(AnyHttpUrl, URL_PARTS, LIKELY["url"], marks=urls_only),
        (IPv4Address, ADDRESS_PARTS, LIKELY["v4"]),
        (IPv6Address, ADDRESS_PARTS, LIKELY["v6"]),
        (IPvAnyAddress, ADDRESS_PARTS, LIKELY["v4"]),
        (IPvAnyAddress, ADDRESS_PARTS, LIKELY["v6"]),
        (Path, PATH_PARTS, LIKELY["path"]),
        (PurePosixPath, PATH_PARTS, LIKELY["path"]),
    ],
)
def test_what_is_decided_is_what_pydantic_says(annotation: Any, given: list[str], likely: list[str]) -> None:
    exported = export_item(create_model("M", value=(annotation, ...)), may_doubt=True)
    if exported.inputs and annotation in (IPv4Address, IPv6Address, Path, PurePosixPath):
        assert not KNOWS_ADDRESSES
        pytest.skip("another schema in this release of Pydantic")
    if "constraint_validator" in str(exported.inputs):
        pytest.skip("a limit of this release of Pydantic goes through Python")
    assert not exported.inputs
    assert exported.doubts
    native, adapter = SchemaModel(exported.text), TypeAdapter(annotation)
    source = random.Random(7)
    decided = 0
    for _ in range(CASES):
        text: Any = random_text(source, given, likely)
        if source.random() < 0.01:
            text = source.choice([None, 5, True, [], ""])
        says = found(native, text)
        if says != "['undecided']":
            decided += 1
            assert says == expected(adapter, text), repr(text)
    assert decided > CASES / 10


TODAY = date.today()
DAYS = [TODAY + timedelta(days) for days in (-40000, -400, -3, -2, -1, 0, 1, 2, 3, 400, 40000)]


@pytest.mark.parametrize(
    "annotation", [PastDate, FutureDate, PastDatetime, FutureDatetime, AwareDatetime, NaiveDatetime]
)
def test_dates_and_the_present(annotation: Any) -> None:
    exported = export_item(create_model("M", value=(annotation, ...)), may_doubt=True)
    if exported.inputs:
        pytest.skip("dates of this release of Pydantic go through Python")
    native, adapter = SchemaModel(exported.text), TypeAdapter(annotation)
    decided = []
    for day in DAYS:
        for text in (f"{day}", f"{day}T00:00:00Z", f"{day}T23:59:59+14:00", f"{day} 12:00", "x", 5, -1e11):
            says = found(native, text)
            if says != "['undecided']":
                decided.append(text)
                assert says == expected(adapter, text), repr(text)
    assert str(DAYS[0]) in decided or str(DAYS[-1]) in decided or annotation is AwareDatetime
    assert len(decided) > len(DAYS)


class Person(BaseModel):
    id: int | None = None
    name: str = Field(min_length=2)
    email: EmailStr
    site: HttpUrl | None = None
    born: PastDate | None = None
    due: FutureDatetime | None = None
    seen: AwareDatetime | None = None
    others: list[EmailStr] = []


#: Dates and URLs of older Pydantics go through Python.
IS_NATIVE = not export_item(Person, may_doubt=True).inputs
CheckedPerson = checked(Person, "name", same)
VALUES: dict[str, list[Any]] = {
    "password": ["p", None],
    "rank": [5, 6, "x", None],
    "name": ["anna", "eve", "x", None],
    "email": ["ann@b.co", "Bob@Example.COM", "nobody", "Info@x.de", "A <a@b.co>", None, 5],
    "site": ["https://a.example/x", None, "https://a.example", "http://a.example:80/", "ftp://a.example/", "x"],
    "born": ["2001-02-03", None, "2999-01-01", str(TODAY), "x"],
    "due": ["2999-01-01T00:00:00Z", None, "2001-01-01T00:00:00Z", "x"],
    "seen": ["2024-01-01T00:00:00+01:00", None, "2024-01-01T00:00:00"],
    "others": [["a@b.co"], [], ["a@b.co", "nobody"], ["A@B.CO", "c@d.test"], None],
}


class User(BaseModel):
    id: int | None = None
    name: str = Field(min_length=2)
    email: EmailStr
    password: str = "none"
    rank: int = 3


class UserCreate(BaseModel):
    name: str = Field(min_length=2)
    email: EmailStr
    password: str = "none"


class UserUpdate(BaseModel):
    name: str | None = Field(None, min_length=2)
    email: EmailStr | None = None
    rank: int | None = None


class UserPublic(BaseModel):
    id: int
    name: str
    email: EmailStr
    rank: int


CheckedCreate, CheckedUpdate = checked(UserCreate, "name", same), checked(UserUpdate, "name", same)
TWINS: dict[str, Any] = {
    "one model": ((Person, {}), (CheckedPerson, {})),
    "four models": (
        (User, {"create": UserCreate, "update": UserUpdate, "read": UserPublic}),
        (User, {"create": CheckedCreate, "update": CheckedUpdate, "read": UserPublic}),
    ),
}


@pytest.mark.parametrize("scope", [None, {"name": "anna"}])
@pytest.mark.parametrize("twins", TWINS.values(), ids=TWINS)
def test_natively_as_through_python(open_client: Open, tmp_path: Path, twins: Any, scope: Any) -> None:
    source = random.Random(str(scope))
    apps, paths = [], []
    for at, (model, options) in enumerate(twins):
        paths.append(tmp_path / f"{at}.db")
        app = App(store=f"sqlite:///{paths[-1]}")
        app.crud(model, path="/items", unique=["email"], scope=scope, **options)
        apps.append(app)
    is_native = IS_NATIVE or twins[0][0] is User
    for name in ("create", "replace", "update"):
        reasons = [bool(stores_of(app).resources[0].reasons(name)) for app in apps]
        assert reasons == [not is_native, True], name
    statuses: set[int] = set()
    with open_client(apps[0]) as first, open_client(apps[1]) as through_python:
        for _ in range(400):
            method = source.choice(["POST", "POST", "PUT", "PATCH", "PATCH"])
            path = "/items" if method == "POST" else f"/items/{source.choice([1, 2, 3, 'x'])}"
            body = random_body(source, VALUES, {"name": "anna", "email": "ann@b.co"}, most=3, share=0.8)
            if isinstance(body, dict) and body.get("email") == "ann@b.co":
                body["email"] = f"ann{source.randint(0, 30)}@b.co"
            if method == "POST" and source.random() < 0.1:
                body = [body, {"name": "eve", "email": source.choice(VALUES["email"])}]
            answers = [client.request(method, path, json=body) for client in (first, through_python)]
            if method == "PATCH" and (path == "/items/x" or answers[1].status_code == 404):
                continue  # without an item Python does not look at the patch, and the native half does
            assert [each.status_code for each in answers] == [answers[0].status_code] * 2, (method, path, body)
            assert answers[0].text == answers[1].text, (method, path, body)
            statuses.add(answers[0].status_code)
    assert {200, 201, 409, 422} <= statuses
    assert rows(paths[0]) == rows(paths[1])


@pytest.fixture(params=[0, 2], ids=["inline", "two I/O threads"])
def server(request: pytest.FixtureRequest, store: str) -> Any:
    class Account(BaseModel):
        id: int | None = None
        email: EmailStr
        other: EmailStr | None = None

    app = App(store=store)
    app.crud(Account)
    with LiveServer(app, io_threads=request.param) as live:
        yield live


def test_only_what_is_not_plain_needs_python(server: LiveServer) -> None:
    with httpx.Client(base_url=server.url) as client:
        client.get("/openapi.json")
        server.pop_counts()
        made = client.post("/accounts", json={"email": "ann@b.co", "other": "x@y.co"})
        assert made.status_code == 201
        assert client.post("/accounts", json={"email": 5}).status_code == 422
        assert client.post("/accounts", json=[{"email": "x@b.co"}, {"email": "y@b.co"}]).status_code == 201
        assert client.put("/accounts/1", json={"email": "Bob@B.co"}).json()["email"] == "Bob@b.co"
        assert client.patch("/accounts/1", json={"email": "carl@b.co"}).json()["email"] == "carl@b.co"
        assert client.patch("/accounts/1", json={"email": None}).status_code == 422
        assert server.pop_counts() == {}
        told = client.post("/accounts", json={"email": "nobody"})
        assert told.status_code == 422
        assert "@-sign" in told.text
        assert client.put("/accounts/1", json={"email": "INFO@b.co"}).json()["email"] == "info@b.co"
        # What is stored is no longer looked at.
        assert client.patch("/accounts/1", json={"other": "nobody"}).status_code == 422
        assert client.patch("/accounts/1", json={"email": "\u00e4@b.co"}).json()["email"] == "\u00e4@b.co"
        assert client.post("/accounts", json=[{"email": "z@b.co"}, {"email": "nobody"}]).status_code == 422
        assert server.pop_counts() == {"compiled": 5}
        assert client.patch("/accounts/1", json={"other": None}).json()["email"] == "\u00e4@b.co"
        assert server.pop_counts() == {}
        assert len(client.get("/accounts").json()["items"]) == 3


def test_a_large_body_and_a_key_of_the_request(server: LiveServer) -> None:
    with httpx.Client(base_url=server.url) as client:
        for address, status in (("x" * 1_000_000, 422), ("plain@b.co", 201)):
            assert client.post("/accounts", json={"email": address}).status_code == status
        for _ in range(2):
            again = client.post("/accounts", json={"email": "INFO@b.co"}, headers={"idempotency-key": '"k"'})
            assert again.status_code == 201
            assert again.json()["email"] == "info@b.co"
        assert len(client.get("/accounts").json()["items"]) == 2


def test_nested_addresses(tmp_path: Path) -> None:
    class Contact(BaseModel):
        email: EmailStr
        note: str = ""

    class Shop(BaseModel):
        id: int | None = None
        contact: Contact
        by_role: dict[str, EmailStr] = {}

    app = App(store=f"sqlite:///{tmp_path / 'test.db'}")
    app.crud(Shop)
    with natively(app) as client:
        made = client.post("/shops", json={"contact": {"email": "A@B.CO"}, "by_role": {"boss": "c@d.co"}})
        assert made.json()["contact"] == {"email": "A@b.co", "note": ""}
        path = f"/shops/{made.json()['id']}"
        assert client.patch(path, json={"contact": {"note": "n"}}).json()["contact"] == {"email": "A@b.co", "note": "n"}
        assert client.patch(path, json={"contact": {"email": "nobody"}}).status_code == 422
        assert client.patch(path, json={"by_role": {"boss": None, "it": "INFO@d.co"}}).json()["by_role"] == {
            "it": "info@d.co"
        }
        assert client.get(path).json()["by_role"] == {"it": "info@d.co"}


@pytest.mark.parametrize(
    "model",
    [
        declared("Union", id=(int | None, None), value=EmailStr | int),
        checked(declared("Other", id=(int | None, None), name=str, value=EmailStr), "name", same),
    ],
)
def test_where_nothing_is_left_to_chance(model: type[BaseModel], store: str) -> None:
    """A union asks more of a value than whether it is valid; what needs Python needs it wholly."""
    app = App(store=store)
    app.crud(model)
    (resource,) = stores_of(app).resources
    assert resource.doubts == {}
    assert resource.reasons("create")


def test_routes_tell(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    from data_bridge.compile import compile_app

    app = App(store=store)
    app.crud(declared("Account", id=(int | None, None), email=EmailStr))
    told = {route.reason for route in compile_app(app).routes if "POST" in route.methods}
    assert told == {"email: an address that is not plain"}


def test_another_email_validator_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    import pydantic.networks

    _emails_are_known.cache_clear()
    monkeypatch.setattr(pydantic.networks, "validate_email", lambda value: (value, value.upper()))
    try:
        assert plain_emails() is None
    finally:
        _emails_are_known.cache_clear()
    monkeypatch.undo()
    assert plain_emails() is not None


def test_domains_that_a_program_reserves(monkeypatch: pytest.MonkeyPatch) -> None:
    import email_validator

    monkeypatch.setattr(email_validator, "SPECIAL_USE_DOMAIN_NAMES", ["corp"])
    native = SchemaModel(export_item(declared("M", value=EmailStr), may_doubt=True).text)
    assert [found(native, text) for text in ("a@x.corp", "a@x.test")] == ["['undecided']", '"a@x.test"']


class Host(BaseModel):
    id: int | None = None
    v4: IPv4Address
    v6: IPv6Address | None = None
    any: IPvAnyAddress | None = None
    path: Path = Path("/var")
    others: list[IPv4Address] = []


def test_addresses_and_paths_are_native_where_they_are_plain(app: App, open_client: Open) -> None:
    @app.post("/route", status_code=201)
    def route(item: Host) -> Host:
        return item

    app.crud(Host)
    hosts = stores_of(app).resources[0]
    if hosts.reasons("create"):
        assert not KNOWS_ADDRESSES
        pytest.skip("another schema in this release of Pydantic")
    assert "v4: an IP address that is not plain" in hosts.doubts["create"]
    bodies: list[Any] = [
        {"v4": "192.0.2.1"}, {"v4": "192.0.2.1", "v6": "::1", "any": "fe80::1", "path": "a/b", "others": ["10.0.0.1"]},
        {"v4": "192.0.2.1", "v6": "0:0:0:0:0:0:0:1", "any": "2001:DB8::1", "path": "a//b/./c/"},
        {"v4": 1, "any": "1.2.3.4"},
        {"v4": "1.2.3.400"}, {"v4": "::1", "path": 5, "others": ["x"]}, {"v4": True, "v6": "1.2.3.4", "any": []}, {},
    ]  # fmt: skip
    with open_client(app) as client:
        for body in bodies:
            by_route, made = client.post("/route", json=body), client.post("/hosts", json=body)
            shown = by_route.json()
            if made.status_code == 201:
                shown["id"] = made.json()["id"]
                where = made.headers["location"]
                assert client.get(where).json() == client.put(where, json=made.json()).json() == made.json()
                assert client.patch(where, json={"path": "new/"}).json() == {**made.json(), "path": "new"}
            assert (made.status_code, made.json()) == (by_route.status_code, shown), body
