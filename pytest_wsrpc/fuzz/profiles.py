"""The hypothesis profile ``deep``, for runs that may take their time.

``pytest --wsrpc-fuzz app:create_app --hypothesis-profile deep``; the profile ``ci`` is hypothesis'
own.
"""

from __future__ import annotations

import pytest

DEEP = "deep"

DEEP_EXAMPLES = 2000
"""Cases for each item in a run that may take its time, such as one each night."""


def register(config: pytest.Config) -> None:
    """Register the profile if the command line asks for it; one of that name in a conftest wins.

    Called before conftest.py files are loaded.
    """
    if getattr(config.known_args_namespace, "hypothesis_profile", None) != DEEP:
        return
    from hypothesis import settings

    settings.register_profile(DEEP, settings.get_profile("default"), max_examples=DEEP_EXAMPLES)
