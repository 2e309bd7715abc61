"""Long work in a real JupyterLab: the kernel answers meanwhile, and Cancel cancels."""

import nbformat

WORK = """
import time
from btkit.widgets import Progress

def work(progress):
    for step in range(100_000):
        progress.update(step, 100_000, f"step {step}")
        time.sleep(0.02)

progress = Progress(work, title="Counting")
progress
"""


def test_work_is_seen_other_cells_run_meanwhile_and_cancel_ends_it(opened, lab, keep):
    cells = [nbformat.v4.new_code_cell(source) for source in (WORK, "print('answered')")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}
    made = nbformat.v4.new_notebook(cells=cells, metadata=kernel)
    nbformat.write(made, lab[1] / "progress.ipynb")
    notebook = opened("progress.ipynb")
    notebook.run_all()
    tab = notebook.tab
    assert tab.locator(".jp-OutputArea-output", has_text="answered").count() == 1
    assert notebook.ask("progress.state") == "running"
    label = tab.locator(".jupyter-widgets [role=status]")
    label.filter(has_text="step ").wait_for()
    before = label.inner_text()
    shown = "document.querySelector('.jupyter-widgets [role=status]').innerText"
    tab.wait_for_function(f"(before) => {shown} !== before", arg=before)
    keep(tab, "lab-progress")
    tab.get_by_role("button", name="Cancel").click()
    tab.get_by_text("The work was cancelled.").wait_for()
    notebook.wait_for("progress.state", "cancelled")
    assert tab.get_by_role("button", name="Cancel").is_disabled()
