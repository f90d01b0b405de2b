"""``Config``, ``Server`` and ``run`` with uvicorn's signatures and life cycle, served by data_bridge.

For programs that start uvicorn in their own code: ``from data_bridge import uvicorn`` in the place of
``import uvicorn``. The modules have uvicorn's names. uvicorn itself is not needed.
"""

from .config import Config
from .main import main, run
from .server import Server

#: The release whose interface this is.
__version__ = "0.54.0"

__all__ = ["Config", "Server", "main", "run"]
