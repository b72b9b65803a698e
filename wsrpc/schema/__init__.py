"""The types of payloads and responses: validate, encode, describe as JSON Schema.

A type is what msgspec knows (dataclass, TypedDict, ``msgspec.Struct``, attrs class, NamedTuple,
plain containers and scalars, with ``Annotated[..., msgspec.Meta(...)]`` constraints) or, where
the application itself has imported pydantic, what pydantic knows.
"""

from ._errors import InvalidResponse
from .types import PayloadType, ResponseType

__all__ = ["InvalidResponse", "PayloadType", "ResponseType"]
