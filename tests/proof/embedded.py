"""The place of the layer that runs the same store against the embedded cloud: 16 threads on one hot product.

`tasks` returns what is to be run, in the shape of `layers.Task`; while there is nothing, the table says "not run".
"""

from typing import Any


def tasks(full: bool) -> list[Any]:
    """Return the tasks of this layer: none yet."""
    return []
