"""One C++ runtime that is the HTTP server and Python's asyncio event loop."""

from data_bridge.loop import EventLoopPolicy, PyLoop, new_event_loop, run

__all__ = ["EventLoopPolicy", "PyLoop", "new_event_loop", "run"]
