"""The event catalogue: what an event may say and what it does, as the code that reads and applies it answers.

`python -m pipeline.catalogue` writes docs/events.md; with `--check` it only says whether the page is stale.
"""

import pandas as pd
from stock_projector.events import EVENTS

from pipeline.catalogue.fields import fields
from pipeline.catalogue.page import sentence
from pipeline.catalogue.samples import effects


def event_types() -> pd.DataFrame:
    """List the types of event: what each says, and what it does to a product. One row for each, by name."""
    rows = {name: [sentence(model), *effects(name)] for name, model in EVENTS.items()}
    columns = ["it says", "product never seen, or removed", "product active"]
    frame = pd.DataFrame.from_dict(rows, orient="index", columns=columns).rename_axis("event type")
    return frame.map(lambda words: words.replace("`", ""))  # a table in a notebook is no Markdown


def event_fields() -> pd.DataFrame:
    """List the fields: type, rule, and which events have it. One row for each field and rule, by name."""
    listed = pd.DataFrame([{"event": name} | vars(field) for name, model in EVENTS.items() for field in fields(model)])
    listed["rule"] = listed["rule"].where(listed["name"] != "event_type", "one of the four types")
    grouped = listed.groupby(["name", "type", "rule", "is_required"], sort=False)["event"].agg(list).reset_index()
    grouped["in"] = [", ".join(events) if len(events) < len(EVENTS) else "every event" for events in grouped["event"]]
    grouped["in"] = grouped["in"].where(grouped["is_required"], grouped["in"] + ", optional")
    return grouped.set_index("name")[["type", "rule", "in"]].rename_axis("field")
