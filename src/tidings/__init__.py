"""Tidings: change events from APIs that do not push."""

__version__ = "0.1.0"
