"""Getting documents and archives over HTTP or from a folder: bounded, resumed, retried, verified.

The only package that imports httpx, and only when the first request goes over the network.
"""

from pyv.fetch.addresses import fetchable, redact
from pyv.fetch.failures import MissingError
from pyv.fetch.fetcher import Document, Fetcher
from pyv.fetch.partial import Consumer, Validators
from pyv.fetch.retries import Limits

__all__ = ["Consumer", "Document", "Fetcher", "Limits", "MissingError", "Validators", "fetchable", "redact"]
