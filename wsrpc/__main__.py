"""``python -m wsrpc``."""

import sys

from .asyncapi.command import main

sys.exit(main())
