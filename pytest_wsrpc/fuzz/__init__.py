"""Fuzz an application's methods: ``pytest --wsrpc-fuzz module:attribute``."""
