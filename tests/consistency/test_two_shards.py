"""The audit's reason for a product whose order nobody keeps."""

from types import SimpleNamespace

from pipeline.consistency.two_shards import reasons

PARENTS = {"left": ["root"], "right": ["root"], "left of left": ["left"], "merged": ["left", "right"]}


def on(product_id, *shards):
    return [SimpleNamespace(partition_key=product_id, shard_id=shard) for shard in shards]


def test_a_product_on_two_shards_that_exist_side_by_side_is_named_with_both():
    [reason] = reasons(on("LAMP", "root", "left", "right") + on("MUG", "right"), PARENTS)
    assert reason.startswith("LAMP: its records lie on left, right, root: the order across shards is not guaranteed.")


def test_a_product_that_moved_on_with_a_reshard_keeps_its_order():
    records = on("LAMP", "root", "left", "left of left") + on("MUG", "root", "right", "merged") + on("CUP", "left")
    assert reasons(records, PARENTS) == []
    assert reasons(on("LAMP", "left", "merged") + on("MUG", "trimmed away"), PARENTS) == []
