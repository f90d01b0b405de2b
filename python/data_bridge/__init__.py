"""One C++ runtime that is the HTTP server and Python's asyncio event loop."""

from data_bridge.app import App
from data_bridge.loop import EventLoopPolicy, PyLoop, new_event_loop, run
from data_bridge.options import ServerOptions
from data_bridge.server import Server, serve

__all__ = ["App", "EventLoopPolicy", "PyLoop", "Server", "ServerOptions", "new_event_loop", "run", "serve"]
