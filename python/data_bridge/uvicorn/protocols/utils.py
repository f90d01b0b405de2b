"""What uvicorn.protocols.utils has for applications."""

from ..._core import ClientDisconnected
from ...access_log import get_client_addr, get_path_with_query_string

__all__ = ["ClientDisconnected", "get_client_addr", "get_path_with_query_string"]
