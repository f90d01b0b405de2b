"""Import strings, as uvicorn.importer."""

from ..importer import ImportFailed as ImportFromStringError
from ..importer import import_from_string

__all__ = ["ImportFromStringError", "import_from_string"]
