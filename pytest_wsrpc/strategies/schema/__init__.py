"""Strategies from JSON Schema 2020-12: valid values, and values with one thing wrong."""

from __future__ import annotations

from .source import from_schema

__all__ = ["from_schema"]
