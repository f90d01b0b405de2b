"""What coroutines ask of a store: a loop is never held up by one that answers later."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from ._core import CrudOperation, CrudRead, CrudRequest, StoredItem
from .threadpool import run_in_threadpool

Answer = tuple[int, bytes, bytes, list[tuple[bytes, bytes]]]  # as CrudOperation.perform()

#: What FastAPI answers where an item cannot be written as JSON.
FAILED: Answer = (500, b"text/plain; charset=utf-8", b"Internal Server Error", [])
Found = TypeVar("Found")


async def read(operation: CrudOperation, request: CrudRequest) -> Answer:
    """What a read answers. Most take microseconds, less than a thread."""
    answer = operation.begin(request)
    return await run_in_threadpool(answer.wait) if isinstance(answer, CrudRead) else answer


async def merge_stored(operation: CrudOperation, request: CrudRequest) -> StoredItem | Answer:
    """As CrudOperation.merge_stored()."""
    return await _about_one_item(operation, operation.merge_stored, request)


async def begin_keyed(operation: CrudOperation, request: CrudRequest) -> Answer | None:
    """As CrudOperation.begin_keyed(); whatever becomes of it, end_keyed() is due."""
    return await _about_one_item(operation, operation.begin_keyed, request)


async def _about_one_item(
    operation: CrudOperation, call: Callable[[CrudRequest], Found], request: CrudRequest
) -> Found:
    return call(request) if operation.answers_at_once else await run_in_threadpool(call, request)
