"""Settings of this project's own suite."""

from hypothesis import settings

pytest_plugins = ["pytester"]

# Each run tries other examples, also under CI, where hypothesis would derandomize and remember no
# failure. Machines are shared, so the time that an example takes says nothing.
settings.register_profile(
    "suite", settings.get_profile("default"), derandomize=False, deadline=None, print_blob=True
)
settings.load_profile("suite")
