"""The tutorial notebook runs from its first cell to its last, and prints what stands in it."""

import copy
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat

NOTEBOOK = Path(__file__).parents[2] / "docs" / "tutorial" / "price-formation.ipynb"
PROGRAM = """
import sys
import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient

source, target, folder = sys.argv[1:]
manager = AsyncKernelManager(transport="ipc", ip=folder + "/k", connection_file=folder + "/k.json")
manager.kernel_spec.argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
notebook = nbformat.read(source, as_version=4)
resources = {"metadata": {"path": source.rpartition("/")[0]}}
NotebookClient(notebook, timeout=300, km=manager, resources=resources).execute()
nbformat.write(notebook, target)
"""
"""Runs a notebook where it lies, by the same interpreter; its kernel is spoken to over files, not over a network."""
FOLDERS = ("IPYTHONDIR", "JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTER_RUNTIME_DIR")


def told(notebook: Any) -> list[list[Any]]:
    """Give what each cell tells: text as it is; of a picture only that it is there: its bytes vary by version."""
    return [_told(cell.outputs) for cell in notebook.cells if cell.cell_type == "code"]


def _told(outputs: Any) -> list[Any]:
    """Give the outputs of a cell; what it prints comes in as many pieces as the machine is busy, and counts as one."""
    shown: list[Any] = []
    for output in outputs:
        if output.output_type != "stream":
            shown.append(_shown(output))
        elif shown and shown[-1][0] == output.name:
            shown[-1] = output.name, shown[-1][1] + output.text
        else:
            shown.append((output.name, output.text))
    return shown


def _shown(output: Any) -> tuple[list[str], str]:
    assert output.output_type == "execute_result", f"a cell ends in {output.output_type}"
    return [kind for kind in output.data if kind.startswith("image/")], output.data["text/plain"]


def read(path: Path) -> Any:
    return nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]


def test_the_notebook_gives_what_stands_in_it(tmp_path: Path) -> None:
    """Run anew, every cell tells what the notebook shows, and has the pictures that it shows."""
    settings = {name: str(tmp_path / name.lower()) for name in FOLDERS} | {"JUPYTER_PLATFORM_DIRS": "1"}
    anew = tmp_path / "anew.ipynb"
    command = [sys.executable, "-c", PROGRAM, str(NOTEBOOK), str(anew), str(tmp_path)]
    subprocess.run(command, check=True, env=os.environ | settings, capture_output=True)
    assert told(read(anew)) == told(read(NOTEBOOK))


def test_a_notebook_that_shows_something_else_would_be_seen() -> None:
    """A number or a word more, or a picture that is gone, is seen in what a notebook tells, whichever cell it is."""
    notebook = read(NOTEBOOK)
    numbers = [number for number, cell in enumerate(notebook.cells) if cell.cell_type == "code" and cell.outputs]
    changed = 0
    for number in numbers:
        other = copy.deepcopy(notebook)
        output = other.cells[number].outputs[0]
        if output.output_type == "stream":
            output.text += "!"
        elif "image/png" in output.data:
            del output.data["image/png"]
        else:
            output.data["text/plain"] += "0"
        changed += told(other) != told(notebook)
    assert changed == len(numbers)


def test_the_notebook_is_plain() -> None:
    """The cells were run in order from the first, and carry nothing of the machine that they ran on."""
    notebook = read(NOTEBOOK)
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert all(not cell.metadata for cell in notebook.cells)
    assert sorted(notebook.metadata) == ["kernelspec", "language_info"]
    pictures = [output for cell in cells for output in cell.outputs if "image/png" in output.get("data", {})]
    assert len(pictures) >= 3
