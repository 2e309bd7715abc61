"""The HTML report of a document, without a kernel: what the template's cells would display."""

from __future__ import annotations

import nbformat

from btkit.documents import RunDocument
from btkit.render import SECTIONS
from btkit.render.export import to_html
from btkit.render.sections import Sections


def page(document: RunDocument, sections: Sections = SECTIONS) -> str:
    """Return the report's page."""
    notebook = nbformat.v4.new_notebook()
    for question, text, section in sections:
        if question:
            notebook.cells.append(nbformat.v4.new_markdown_cell(f"## {question}\n\n{text}"))
        cell = nbformat.v4.new_code_cell(f"render.{section.__name__}(document)")
        for piece in section(document):
            data, metadata = piece.bundle()
            cell.outputs.append(
                nbformat.v4.new_output("display_data", data=data, metadata=metadata)
            )
        notebook.cells.append(cell)
    return to_html(notebook, title="Report", foot="end")
