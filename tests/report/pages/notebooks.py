"""Two notebooks that show one of each, with names that mean harm."""

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

SCRIPT = "<script>alert(1)</script>"
SPECIALS = r"#set $x$ *b* _i_ @ref `c` \ <lab> //"
BIDI = "evil\u202egnp.exe"
SHOWS = f"""
import pandas as pd
from matplotlib import pyplot as plt
from pipeline.notebook.show import check, code, figure, style, table
names = [{SCRIPT!r}, {SPECIALS!r}, {BIDI!r}, "漢字 🎉"]
frame = pd.DataFrame({{"product_name": names, "quantity": range(4)}})
"""
FIGURE = """
with style():
    fig, ax = plt.subplots()
    ax.plot(range(3), label=names[0])
    ax.legend()
figure(fig, f"Stock of {names[0]} & {names[1]} rises.", f"A line for {names[2]}.")
"""
FLOWCHART = """
svg = '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="90pt" height="40pt" viewBox="0 0 90 40">' \\
      '<text x="9" y="20" font-family="Helvetica">EventStream</text></svg>'
figure(svg, "The pipeline.", "One box.")
"""
OVERVIEW = """# Overview

See [the table](02_table.ipynb#What-it-holds), [this table](02_table.ipynb#What-it-holds), [the next](02_table.ipynb),
[the second table](02_table.ipynb#What-it-holds),
[here](#Below), [the fold][1], [a file](../infra/stack.yaml) and [AWS](https://aws.amazon.com). Raw <b>HTML</b> is text.

[1]: ../lambda_src/stock_projector/handler.py

<details><summary>Solution</summary>

It is `42`.

</details>

## Below

| event | effect |
|---|---:|
| `product_added` | 1 |

## Below

The same heading again.

<div onclick="alert(1)">a block of HTML</div>
"""


def notebook(*cells: str) -> nbformat.NotebookNode:
    made = [new_markdown_cell(cell.strip()) if cell.startswith("# ") else new_code_cell(cell) for cell in cells]
    made.insert(1, new_code_cell("seed: int = 7", metadata={"tags": ["parameters"]}))
    spec = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return new_notebook(cells=made, metadata=spec)
