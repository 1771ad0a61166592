"""What a reader saw of the table while a story was sent: kept in a file, read by read, to be shown again."""

import json
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass
class TableReads:
    """The reads of the table while records were sent, one element of each list for a read."""

    started: float = 0.0  # when the sending began, in epoch seconds
    before: int = 0  # records that the stream had accepted by then
    seconds: list[float] = field(default_factory=list)  # since then
    accepted: list[int] = field(default_factory=list)  # records that the stream had accepted by the time of the read
    versions: list[dict[str, int]] = field(default_factory=list)  # of every product
    quantities: list[dict[str, int]] = field(default_factory=list)  # of every product, in units

    def so_far(self) -> "TableReads":
        """Return the reads that are complete, while another thread goes on reading."""
        n = len(self.quantities)
        return TableReads(
            self.started, self.before, self.seconds[:n], self.accepted[:n], self.versions[:n], self.quantities[:n]
        )

    def add(self, accepted: int, items: Iterable[dict[str, Any]]) -> str:
        """Take in one read, at the time when all of it is there. Returns the line that keeps it: what has changed."""
        all_items = list(items)
        before = self.versions[-1] if self.versions else {}
        self._add(
            time.time() - self.started,
            accepted,
            {item["product_id"]: item["version"] for item in all_items},
            {item["product_id"]: item["quantity"] for item in all_items},
        )
        changed = {
            item["product_id"]: [item["version"], item["quantity"]]
            for item in all_items
            if before.get(item["product_id"]) != item["version"]
        }
        return json.dumps({"seconds": self.seconds[-1], "accepted": accepted, "changed": changed})

    def _add(self, seconds: float, accepted: int, versions: dict[str, int], quantities: dict[str, int]) -> None:
        self.seconds.append(seconds)
        self.accepted.append(accepted)
        self.versions.append(versions)
        self.quantities.append(quantities)

    def first_line(self) -> str:
        """Return the line that the file of these reads begins with."""
        return json.dumps({"started": self.started, "before": self.before})

    @classmethod
    def load(cls, path: Path) -> "TableReads":
        """Read a file of reads back, as far as it is whole; no reads where there is none."""
        reads = cls()
        try:
            lines = [json.loads(line) for line in path.read_text().splitlines(keepends=True) if line.endswith("\n")]
        except OSError:
            return reads
        if lines:
            reads.started, reads.before = lines[0]["started"], lines[0]["before"]
        versions: dict[str, int] = {}
        quantities: dict[str, int] = {}
        for line in lines[1:]:
            versions |= {product_id: version for product_id, (version, _) in line["changed"].items()}
            quantities |= {product_id: quantity for product_id, (_, quantity) in line["changed"].items()}
            reads._add(line["seconds"], line["accepted"], dict(versions), dict(quantities))
        return reads
