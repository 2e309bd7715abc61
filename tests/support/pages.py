"""The HTML report of a document, without a kernel: what the template's cells would display."""

from __future__ import annotations

from collections.abc import Mapping

import nbformat

from btkit.documents import RunDocument
from btkit.render import SECTIONS
from btkit.render.export import to_html
from btkit.render.kinds import PAGES
from btkit.render.notebook import template_path
from btkit.render.sections import Sections


def words_of(template: str) -> dict[str, str]:
    """Return what a template says above its sections: Markdown, by the question that it asks."""
    notebook = nbformat.read(template_path(template), as_version=4)
    sources = [cell.source for cell in notebook.cells if cell.cell_type == "markdown"]
    return {source.partition("\n")[0].removeprefix("## "): source for source in sources}


def page(document: RunDocument, sections: Sections = SECTIONS) -> str:
    """Return the report's page."""
    return page_of(document, sections, words_of(PAGES[document.report.kind].template))


def page_of(subject: object, sections: Sections, words: Mapping[str, str]) -> str:
    """Return a page of sections that show the same, under these words by question."""
    notebook = nbformat.v4.new_notebook()
    for question, section in sections:
        if question:
            notebook.cells.append(nbformat.v4.new_markdown_cell(words[question]))
        cell = nbformat.v4.new_code_cell(f"render.{section.__name__}(document)")
        for piece in section(subject):
            data, metadata = piece.bundle()
            cell.outputs.append(
                nbformat.v4.new_output("display_data", data=data, metadata=metadata)
            )
        notebook.cells.append(cell)
    return to_html(notebook, title="Report", foot="end")
