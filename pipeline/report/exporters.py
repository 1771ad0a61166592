"""nbconvert's exporters in the house style: for one notebook, and for the report that is bound of all.

`jupyter nbconvert --to inventory_html` (or `inventory_typst`, `inventory_pdf`) finds them by their entry points.
"""

from datetime import datetime
from pathlib import Path
from typing import Any

import fontpkg_arimo
import fontpkg_inconsolata
import matplotlib
import typst
from jinja2 import Environment, StrictUndefined
from nbconvert.exporters import TemplateExporter
from nbformat import NotebookNode
from traitlets import Dict, List
from traitlets.config import Config

from pipeline.errors import UserError
from pipeline.notebook.svg import TEMPLATE
from pipeline.report import html, typst_markup
from pipeline.report.cells import SHOWN, CodeToShow, HideByTag, VisibleText
from pipeline.report.deliverables import Deliverables
from pipeline.report.front import Front
from pipeline.report.outline import Outline
from pipeline.report.references import References

FONTS = [
    *(Path(package.__file__).parent / "files" for package in (fontpkg_arimo, fontpkg_inconsolata)),
    Path(matplotlib.get_data_path()) / "fonts" / "ttf",
]
PREPROCESSORS = [VisibleText, CodeToShow, Outline, References, Deliverables, Front]


class HouseExporter(TemplateExporter):
    """What both formats share: the preprocessors, and templates in which every value is escaped."""

    preprocessors = List([HideByTag, VisibleText, CodeToShow, Outline, References, Deliverables, Front]).tag(
        config=True
    )
    extra_template_paths = List([str(TEMPLATE)]).tag(config=True, affects_environment=True)
    template_name = "base"

    @property
    def default_config(self) -> Config:
        """Choose among the forms of an output those that the templates know."""
        config = Config({"NbConvertBase": {"display_data_priority": list(SHOWN)}})
        config.merge(super().default_config)
        return config

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        environment.autoescape, environment.undefined = True, StrictUndefined
        return environment


class InventoryHTML(HouseExporter):
    """One HTML file that needs no network, and reads the same without its script."""

    export_from_notebook = "HTML in the report's style"
    output_mimetype = "text/html"
    file_extension = ".html"
    template_file = "report.html.j2"
    filters = Dict(html.FILTERS).tag(config=True, affects_environment=True)


class NotebookPage(InventoryHTML):
    """An executed notebook as the report's evidence: every cell as it was run, under its id."""

    preprocessors = List(PREPROCESSORS).tag(config=True)


class InventoryTypst(HouseExporter):
    """One Typst file, pictures and all."""

    export_from_notebook = "Typst in the report's style"
    output_mimetype = "text/vnd.typst"
    file_extension = ".typ"
    template_file = "report.typ.j2"
    filters = Dict(typst_markup.FILTERS).tag(config=True, affects_environment=True)

    def _create_environment(self) -> Environment:
        environment = super()._create_environment()
        environment.finalize = typst_markup.literal
        environment.globals["code_theme"] = (TEMPLATE / "code.tmTheme").read_text("utf-8")
        return environment


class InventoryPDF(InventoryTypst):
    """The Typst file, compiled: PDF/UA, tagged and titled, so that it can also be read aloud.

    The same notebooks give the same bytes. Typst gets the fonts that we ship, and nothing of the machine.
    """

    export_from_notebook = "PDF in the report's style"
    output_mimetype = "application/pdf"
    file_extension = ".pdf"

    def from_notebook_node(self, nb: NotebookNode, resources: Any = None, **kw: Any) -> Any:
        """Write a notebook as PDF."""
        source, resources = super().from_notebook_node(nb, resources, **kw)
        when = datetime.fromisoformat(resources["facts"]["when"]) if resources["facts"] else None
        try:
            paper = typst.compile(  # type: ignore[call-overload]
                source.encode(),
                font_paths=[str(path) for path in FONTS],
                ignore_system_fonts=True,
                pdf_standards="ua-1",
                timestamp=when,
            )
        except typst.TypstError as problem:
            raise UserError(f"the PDF could not be set: {' '.join(str(problem).split())[:400]}") from None
        return paper, resources
