"""The dated prices and the figures that others published; both in `prices.yaml`, each with its source."""

from pathlib import Path
from typing import Any

import pandas as pd
import yaml

KEPT = Path(__file__).with_name("prices.yaml")

Prices = dict[str, float]
WORDS = {"kinesis": "Kinesis", "dynamodb": "DynamoDB", "pipes": "Pipes", "lambda": "Lambda", "logs": "Logs", "gb": "GB"}


def read() -> dict[str, Any]:
    """Read the whole file."""
    return yaml.safe_load(KEPT.read_text("utf-8"))


def load() -> Prices:
    """Return every price by name, in dollars per the unit that the file gives."""
    return {name: float(entry["price"]) for name, entry in read()["prices"].items()}


def table() -> pd.DataFrame:
    """Return one row for each price: what for, and who says so, when."""
    rows = [
        {
            "price": _words(name),
            "$": f"{entry['price']:.10f}".rstrip("0"),
            "per": entry["per"],
            "source": "; ".join(f"{source['title']} ({source['dated']})" for source in entry["sources"]),
        }
        for name, entry in read()["prices"].items()
    ]
    return pd.DataFrame(rows).set_index("price")


def sources() -> str:
    """Name every source of a price once, in Markdown, with a link and its date."""
    named = {source["url"]: source for entry in read()["prices"].values() for source in entry["sources"]}
    return "; ".join(f"[{source['title']}]({url}) ({source['dated']})" for url, source in named.items())


def _words(name: str) -> str:
    """Write a price's key as words: `kinesis_on_demand_gb_in` is Kinesis on demand GB in."""
    return " ".join(WORDS.get(word, word) for word in name.split("_"))


def disagreements() -> pd.DataFrame:
    """Return where the sources do not agree, or are older than a change of the price."""
    rows = [
        {"price": name.replace("_", " "), "what the sources say": " ".join(entry["disagreement"].split())}
        for name, entry in read()["prices"].items()
        if "disagreement" in entry
    ]
    rows += [
        {"price": "not modelled", "what the sources say": " ".join(part.split())} for part in read()["not_modelled"]
    ]
    return pd.DataFrame(rows).set_index("price")
