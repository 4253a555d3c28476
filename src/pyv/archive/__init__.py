"""Archives: unpacking them safely and fast, and making them."""

from pyv.archive.create import Created, create
from pyv.archive.decompress import Source
from pyv.archive.extract import can_stream, extract
from pyv.archive.model import DEFAULT_LIMITS, Entry, Limits

__all__ = ["DEFAULT_LIMITS", "Created", "Entry", "Limits", "Source", "can_stream", "create", "extract"]
