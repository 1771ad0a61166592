"""The tests. README.md beside this file says where a new one goes."""

import pytest

pytest.register_assert_rewrite(  # helpers that assert too; before anything imports them
    "tests.inventory", "tests.projector.handler.world", "tests.projector.projection.laptop"
)
