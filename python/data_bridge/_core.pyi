"""The native half of data_bridge: what the package's own modules use of it. Not a public interface."""

import asyncio
from asyncio import AbstractEventLoop
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import ContextVar
from typing import Any, TypeVar, final

T = TypeVar("T")

class Handle(asyncio.Handle):
    """What call_soon() returns; cannot be made from Python."""

class TimerHandle(asyncio.TimerHandle):
    """What call_later() and call_at() return; cannot be made from Python."""

class HandlerTask(asyncio.Task[Any]):
    """The task of a coroutine that native code drives; cannot be made from Python."""

class LoopBase:
    """What of PyLoop is native; the public methods of asyncio's loops are typed by the class it is mixed with."""

    # Read and written by the inherited half.
    _thread_id: int | None
    _stopping: bool
    _debug: bool
    _internal_fds: int
    _signal_handlers: dict[int, asyncio.Handle]

    def _check_running(self) -> None: ...
    def _set_coroutine_origin_tracking(self, enabled: bool) -> None: ...
    def _asyncgen_firstiter_hook(self, agen: Any) -> None: ...
    def _asyncgen_finalizer_hook(self, agen: Any) -> None: ...
    def _ensure_fd_no_transport(self, fd: Any) -> None: ...
    def _check_closed(self) -> None: ...
    def _run_turns(self) -> None: ...
    def _run_once(self) -> None: ...
    def _begin_guest(self) -> int: ...
    def _end_guest(self) -> None: ...
    def _guest_turn(self) -> float: ...
    def _guest_flush(self) -> float: ...
    def _begin_nested(self) -> None: ...
    def _end_nested(self) -> None: ...
    @property
    def _ready(self) -> deque[asyncio.Handle]: ...
    def _watch_signals(self, fd: int, /) -> None: ...
    def _unwatch_signals(self) -> None: ...
    def _clear(self) -> None: ...
    def _reopen(self, runs_here: bool, /) -> None: ...
    def _add_reader(self, fd: Any, callback: Callable[..., Any], /, *args: Any) -> Handle: ...
    def _remove_reader(self, fd: Any, /) -> bool: ...
    def _add_writer(self, fd: Any, callback: Callable[..., Any], /, *args: Any) -> Handle: ...
    def _remove_writer(self, fd: Any, /) -> bool: ...
    def _watched(self) -> dict[int, tuple[int, asyncio.Handle | None, asyncio.Handle | None]]: ...

class DatagramTransportBase:
    """The native half of data_bridge.transports.DatagramTransport."""

    _loop: Any
    _extra: dict[str, Any]
    _backlog: list[tuple[bytes, Any]]
    _family: int
    _connected: bool
    _paused: bool

    def sendto(self, data: bytes | bytearray | memoryview, addr: Any = None) -> None: ...
    def _read_ready(self) -> None: ...

class StreamTransportBase:
    """The native half of data_bridge.transports.SocketTransport."""

    _loop: Any
    _buffer: Any
    _empty_waiter: asyncio.Future[None] | None
    _gather_limit: int
    _high_water: int
    _sock_fd: int
    _eof: bool
    _write_ready: Callable[[], None]

    def write(self, data: bytes | bytearray | memoryview, /) -> None: ...
    def _bind(self, received: Any, get_buffer: Any, updated: Any, /) -> None: ...
    def _flush(self) -> None: ...
    def _flush_last(self) -> None: ...
    def _maybe_pause_protocol(self) -> None: ...

def drive(
    loop: AbstractEventLoop,
    coroutine: Coroutine[Any, Any, Any],
    on_done: Callable[[Any, BaseException | None], object],
    /,
) -> HandlerTask | None:
    """Step a coroutine at once as a HandlerTask; `on_done` gets its result or its exception, once.

    The task where the coroutine has suspended, None where it has finished.
    """

class ThreadPool:
    """The threads of a loop, as each of them has it; cannot be made from Python."""

    threads: int

    def work(self) -> None:
        """Do jobs until this thread is not needed any more."""

    def stop(self) -> None:
        """End the threads that have nothing to do, now and from now on."""

def run_in_threadpool(func: Callable[..., T], /, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, T]:
    """Await func(*args, **kwargs), called in a thread, as starlette.concurrency.run_in_threadpool() does."""

def has_begun(send: object) -> bool:
    """Whether an answer was begun by this send of an HTTP request, even if that failed."""

def run_unlimited(func: Callable[..., T], /, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, T]:
    """The same with a limiter of its own: as many of these run as there are."""

def call_in_thread(scope: object, func: Callable[..., T], /, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, T]:
    """The same without a limiter and a checkpoint: the caller sees to both.

    `scope` is the cancel scope that anyio.from_thread finds.
    """

def set_thread_services(
    limited: tuple[Callable[..., Any], Callable[..., Any]],
    unlimited: tuple[Callable[..., Any], Callable[..., Any]],
    task_states: dict[Any, Any],
    open: Callable[[AbstractEventLoop], tuple[dict[Any, Any], Any, Any] | None],
    limiter: Callable[[], Any],
    limiter_type: type,
    locals: object,
    library: ContextVar[Any] | None,
    start_thread: Callable[[ThreadPool, AbstractEventLoop], None],
    own: list[tuple[Any, str, Any]],
    /,
) -> None:
    """What of anyio's the pool works with; data_bridge.compile.threads has read it."""

def listen_tcp(host: str, port: int, backlog: int, reuse_port: bool = False) -> list[int]:
    """Descriptors of non-blocking sockets that listen on every address of `host`. OSError where none can be used."""

def listen_unix(path: str, backlog: int) -> int:
    """The descriptor of a listening Unix socket. OSError where `path` is in use, or is no socket."""

def close_queue(listener: int) -> None:
    """Nobody begins a connection to `listener` any more; who waits in its queue can still be accepted."""

def handshakes_under_way(listener: int) -> int:
    """How many connections to the port of `listener` have begun and are in no queue yet."""

@final
class Limits:
    """Bounds and deadlines of a server; see data_bridge.ServerOptions."""

    max_head_size: int
    max_fields: int
    max_target_size: int
    max_body_size: int
    max_unread_body: int
    max_read_ahead: int
    max_unsent: int
    max_connections: int
    max_requests_per_connection: int
    max_waiting_requests: int
    max_waiting_bytes: int
    min_body_rate: int
    timeout_head: float
    timeout_keep_alive: float
    timeout_body: float
    timeout_send: float
    timeout_linger: float
    timeout_request: float
    timeout_drain: float
    ws: bool
    ws_max_size: int
    ws_max_queue: int
    ws_ping_interval: float
    ws_ping_timeout: float
    ws_per_message_deflate: bool

    def __init__(self) -> None: ...

class ClientDisconnected(OSError):
    """A message was sent to a client that has left."""

@final
class CompiledHandler:
    """A route's program as FastAPI's request handler: (request) -> awaitable of the Response."""

    def __init__(self, plan: Any, original: Callable[[Any], Awaitable[Any]], /) -> None: ...
    def __call__(self, request: Any, /) -> Awaitable[Any]: ...

class InnerRouter:
    """Compiled routes in the place of a Router's middleware_stack: an ASGI application."""

    def __call__(self, scope: Any, receive: Any, send: Any) -> Awaitable[None]: ...
    def from_middleware(self, scope: Any, receive: Any, send: Any) -> Awaitable[None] | None: ...
    def set_layers(self, original: Any) -> None: ...
    def set_routes(
        self,
        routes: list[tuple[str, list[str], Any, Any, bool, str, float]],
        watched_attributes: list[tuple[Any, str, Any]],
        watched_lists: list[tuple[list[Any], tuple[Any, ...]]],
        /,
    ) -> None: ...
    def close(self) -> None: ...

def prototype(make: Callable[..., Any], nodes: list[tuple[Any, ...]], given: int) -> Callable[..., Any]: ...
def fill_url(url: Any, scope: Any, split_result: type) -> bool: ...
def plain_cookies(field: str) -> dict[str, str] | None: ...
def is_asgi_send(send: object) -> bool: ...
def send_pieces(response: object, send: object) -> Awaitable[None]: ...
def pathsend_extension() -> dict[str, Any]: ...
def zlib_version() -> str: ...
def gzip(body: bytes, level: int) -> bytes: ...
def check_byte_pattern(pattern: str) -> None: ...

class Server:
    """The native half of one server process. OSError where an address cannot be listened on."""

    def __init__(
        self,
        loop: AbstractEventLoop,
        app: Any,
        state: dict[str, Any],
        *,
        root_path: str,
        report_exception: Callable[[BaseException], None],
        report_protocol: Callable[[str], None],
        apply_proxy_headers: Callable[..., Any],
        await_any: Callable[[Awaitable[Any]], Coroutine[Any, Any, Any]],
        report_refused: Callable[[list[int], int], None],
        log_access: Callable[[Any, int], object],
        log_websocket: Callable[[Any, int], object],
        report_answers: Callable[[list[tuple[str, int, str, str, str, int, str]], int], object],
        still_valid: Callable[[bool], bool],
        io_threads: int,
        access_log: bool,
        trusts_proxies: bool,
        count_answers: bool,
        limit_concurrency: int,
        server_header: bool,
        date_header: bool,
        headers: list[tuple[str, str]],
        legacy_reason_phrases: bool,
        limits: Limits,
        pathsend: bool,
    ) -> None: ...
    def set_access_log(self, *, on: bool, by_python: bool) -> None: ...
    def listen_tcp(self, host: str, port: int, backlog: int) -> list[tuple[str, int]]: ...
    def listen_unix(self, path: str, backlog: int) -> None: ...
    def listen_inherited(self, fd: int, backlog: int = 2048) -> list[tuple[str, int]]: ...
    def set_routes(
        self,
        routes: list[tuple[str, list[str], Any, Any, bool, str, float]],
        *,
        root_path: str,
        redirect_slashes: bool,
        default_unmatched: bool,
        watched_attributes: list[tuple[Any, str, Any]],
        watched_lists: list[tuple[list[Any], tuple[Any, ...]]],
        layers: list[tuple[str, dict[str, Any]]],
        outer_way: Callable[[Any, Any, Any], Awaitable[None]] | None,
    ) -> None: ...
    def make_inner_router(self, original: Any, still_valid: Callable[[bool], bool]) -> InnerRouter: ...
    def drain(self, grace_seconds: float, on_drained: Callable[[], object]) -> None: ...
    def close(self) -> None: ...
    def release(self) -> None: ...
    @property
    def in_flight(self) -> int: ...
    @property
    def answered(self) -> int: ...
    @property
    def connections(self) -> int: ...
    def counts(self) -> dict[str, int]: ...

@final
class SchemaModel:
    """A Pydantic model compiled to native code. ValueError for a text that export_model() did not write."""

    def __init__(self, spec: str) -> None: ...
    def validate(self, body: bytes, is_json: bool = True) -> tuple[int, bytes]: ...
    def validate_field(self, name: str, text: str, where: tuple[str, ...]) -> tuple[int, bytes]: ...
    def fields(self) -> list[dict[str, Any]]: ...
    @property
    def name(self) -> str: ...
    @property
    def allows_extra(self) -> bool: ...

@final
class ResponseWriter:
    """Validates and writes responses. `schema`: a data_bridge.compile.response_schema.ResponseSchema."""

    def __init__(self, schema: Any) -> None: ...
    def write(self, value: Any) -> bytes | None:
        """The JSON of `value`; None where Pydantic has to see it."""

def read_form(content_type: bytes, body: list[bytes], native: Any) -> tuple[list[Any], Any] | None:
    """What is due to files and the FormData, or what is for another parser as bytes and UploadFiles."""

def is_json_content_type(value: bytes) -> bool:
    """True where FastAPI reads a body of this content type as JSON."""

def check_pattern(pattern: str) -> str | None:
    """Why a regular expression cannot run natively with Pydantic's meaning; None if it can."""

_Answer = tuple[int, bytes, bytes, list[tuple[bytes, bytes]]]  # status, content type, body, further headers

@final
class CrudFaults:
    """What has gone wrong in stores, for the log."""

    def __init__(self) -> None: ...
    def wait(self) -> list[tuple[str, int]]: ...
    def close(self) -> None: ...
    def forget_in_child(self) -> None: ...

@final
class StoreBackup:
    """A copy of a store as it is at this moment, in a file that appears when it is whole.

    ValueError for a URL that is none of a store and for a target that exists, OSError where the database fails.
    """

    def __init__(self, url: str, target: str) -> None: ...
    def step(self) -> bool:
        """Copy some more; True when all is done."""

    @property
    def copied(self) -> int: ...
    @property
    def total(self) -> int: ...

def check_store(url: str) -> list[str]:
    """What is wrong with a store's database; empty where it is whole. Raises as `StoreBackup`."""

# Table, whether it is only checked, statements, what stays different and why.
_TablePlan = tuple[str, bool, list[str], list[str]]

def plan_store(url: str, resources: list[CrudResource], *, drop: list[str], convert: list[str]) -> list[_TablePlan]:
    """What would be done to the tables of these resources; nothing is changed. ValueError, OSError."""

def migrate_store(url: str, resources: list[CrudResource], *, drop: list[str], convert: list[str]) -> list[_TablePlan]:
    """Does it, in one transaction. ValueError where a value has no form in its new column, OSError."""

has_test_store: bool  # whether CrudStore knows later://NAME?delay=MILLISECONDS: in builds for the tests alone

@final
class CrudStore:
    """An open database. ValueError for a URL that is none of a store, OSError where it cannot be opened."""

    def __init__(
        self, url: str, *, shared_with_processes: bool, max_waiting_writes: int, max_waiting_bytes: int
    ) -> None: ...
    @property
    def refused_writes(self) -> int: ...
    @property
    def waiting_writes(self) -> int: ...
    def suspend(self) -> None: ...
    def resume(self) -> None: ...
    def forget_in_child(self) -> None: ...
    def close(self) -> None: ...

@final
class CrudScope:
    """What confines operations to some of the items."""

@final
class CrudRequest:
    """What an operation has to know of a request. `path`: as it was sent, without the query."""

    def __init__(
        self,
        path: str,
        *,
        query: str = "",
        content_type: str = "",
        body: bytes = b"",
        key: str = "",
        if_match: str = "",
        if_none_match: str = "",
        idempotency_keys: list[str] = ...,
        scope: CrudScope | None = None,
    ) -> None: ...
    @property
    def query(self) -> str: ...
    @property
    def content_type(self) -> str: ...
    @property
    def body(self) -> bytes: ...
    @property
    def key(self) -> str: ...
    @property
    def if_match(self) -> str: ...
    @property
    def if_none_match(self) -> str: ...
    @property
    def idempotency_keys(self) -> list[str]: ...
    def changed(
        self, *, body: bytes | None = None, if_match: str | None = None, if_none_match: str | None = None
    ) -> CrudRequest:
        """The same, but for what is given."""

@final
class CrudOperation:
    """One operation of a resource."""

    @property
    def is_read(self) -> bool: ...
    def perform(self, request: CrudRequest) -> _Answer: ...
    def perform_if_decided(self, request: CrudRequest) -> _Answer | None: ...
    @property
    def answers_at_once(self) -> bool: ...
    def begin(self, request: CrudRequest) -> _Answer | CrudRead: ...
    def examine(self, request: CrudRequest) -> bytes | _Answer: ...
    def begin_keyed(self, request: CrudRequest) -> _Answer | None: ...
    @staticmethod
    def end_keyed(request: CrudRequest) -> None: ...
    def write_validated(self, request: CrudRequest, document: bytes) -> _Answer | CrudRepeat: ...
    def write_all_validated(self, request: CrudRequest, documents: list[bytes]) -> _Answer | CrudRepeat: ...
    def merge_stored(self, request: CrudRequest) -> StoredItem | _Answer: ...
    def write_merged(self, before: StoredItem, document: bytes) -> _Answer | None: ...
    def refuse_validated(self, request: CrudRequest, document: bytes) -> _Answer | None: ...
    def refuse_merged(self, before: StoredItem, document: bytes) -> _Answer | None: ...

@final
class CrudRead:
    """A read that is on its way."""

    def wait(self) -> _Answer: ...

@final
class CrudRepeat:
    """Nothing was written: another process has answered the request before."""

    @property
    def answer(self) -> _Answer: ...

@final
class StoredItem:
    """An item that a patch was merged with; `merged` is what has to be validated."""

    @property
    def merged(self) -> bytes: ...

@final
class CrudResource:
    """A model and its table."""

    def __init__(
        self,
        *,
        item: str,
        key_model: str,
        page: str,
        filters: str,
        fields: list[tuple[str, str, list[str], bool]],
        sort: list[str],
        table: str,
        key: str,
        uuid_version: int,
        unique: list[list[str]],
        indexes: list[list[str]],
        frozen: list[tuple[str, str]],
        answer: list[tuple[str, str]] | None,
        answers_extra: bool,
        unseen: list[str],
        read_only: list[str],
        ignored: list[str],
        replacement: str | None,
        body: str | None,
        patch: str | None,
        page_size: int,
        max_page_size: int,
        max_page_bytes: int,
        migrate: bool,
        timeout: float,
        require_match: bool,
        creates: bool,
        answer_names: list[str],
        conflict_names: list[tuple[str, str]],
        columns: list[tuple[str, str, str]],
        foreign_parameters: list[str],
        faults: CrudFaults,
    ) -> None: ...
    def attach(self, store: CrudStore) -> None: ...
    def detach(self) -> None: ...
    def scope(self, condition: str) -> CrudScope: ...
    def operation(self, name: str, scope: CrudScope | None) -> CrudOperation: ...
