"""``python -m data_bridge``: the same as the ``data-bridge`` command."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
