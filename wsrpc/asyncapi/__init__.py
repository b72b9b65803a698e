"""What an application can do, as an AsyncAPI 3 document and as a page for people."""

from .build import Document, document, to_json
from .page import to_html
from .serve import add_asyncapi

__all__ = ["Document", "add_asyncapi", "document", "to_html", "to_json"]
