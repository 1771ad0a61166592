"""What the last `make prove` found, for notebook and report: figures, and which code they are about."""

import json
from typing import Any

import pandas as pd

from pipeline.paths import ROOT
from pipeline.provisioning import bundle

CONFORMANCE = ROOT / "docs" / "pipe-conformance.md"  # made from the tests of the local pipe
KEPT = ROOT / "docs" / "proof.json"  # written by a full run of `python -m tests.proof`


def figures() -> dict[str, Any]:
    """Return the figures of the last full run."""
    return json.loads(KEPT.read_text())


def is_of_this_code(proof: dict[str, Any]) -> bool:
    """Say whether the figures are about the very code that is deployed from here."""
    return proof["projector"] == bundle.build().code_sha256


def layers(proof: dict[str, Any]) -> pd.DataFrame:
    """Return one row for each layer of the proof."""
    completeness = {True: "yes", False: "NO", None: "no: sampled"}
    bugs = len(bugs_of(proof))
    rows = [
        {
            "layer": row["layer"],
            "what is tried": row["what"].replace("≤ ", "≤\N{NO-BREAK SPACE}"),
            "how many": f"{row['count']:,}",
            "complete": completeness[row["complete"]],
            "violations": row["violations"],
            "bugs caught": f"{row['caught']} of {bugs}" if row["caught"] else "none planted here",
        }
        for row in proof["layers"]
    ]
    return pd.DataFrame(rows).set_index("layer")


def conformance() -> dict[str, int]:
    """Count the behaviours that the local pipe is tested on: of AWS's documentation, readings of it, this design's."""
    _, _, listed = CONFORMANCE.read_text("utf-8").partition("| fact |")
    facts = [row.split(" | ") for row in listed.partition("\n\n")[0].splitlines()[2:]]
    own = sum(fact[1].startswith("This design") for fact in facts)
    readings = sum("(?)" in fact[1] for fact in facts if not fact[1].startswith("This design"))
    holding = sum(fact[-2] == "yes" for fact in facts)
    counts = {"facts": len(facts), "documented": len(facts) - own - readings, "readings": readings, "own": own}
    return counts | {"holding": holding}


def bugs_of(proof: dict[str, Any]) -> pd.DataFrame:
    """Return one row for each planted bug and each guard taken out, with the layers that caught it."""
    rows = [(bug["bug"], ", ".join(bug["caught_by"])) for bug in proof["planted"] + proof["removed"]]
    return pd.DataFrame(rows, columns=["bug", "caught by"]).set_index("bug")


def holds(proof: dict[str, Any]) -> bool:
    """Say whether nothing was violated, nothing cut short, and every bug caught."""
    complete = all(row["complete"] is not False for row in proof["layers"])
    return not proof["violations"] and complete and bool(bugs_of(proof)["caught by"].all())
