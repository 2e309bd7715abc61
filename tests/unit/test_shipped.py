"""What comes with btkit is found in a tree and in a wheel, and laid out without harm."""

import tomllib
from pathlib import Path

import pytest

from btkit import shipped
from btkit.errors import StoreError, UsageError

ROOT = Path(__file__).resolve().parents[2]


def names(paths, folder):
    return {path.relative_to(folder).as_posix() for path in paths}


def everything():
    return {
        path.relative_to(ROOT).as_posix()
        for pattern in (
            "notebooks/*.ipynb",
            "skills/btkit/**/*.md",
            "templates/*.ipynb",
            "strategies/*.json",
            "strategies/*.yaml",
            "models/spx_mlp/*.yaml",
            "models/spx_mlp/SPX_1d/*",
        )
        for path in ROOT.glob(pattern)
    }


def test_a_source_tree_has_it_at_its_root():
    assert shipped.shipped("strategies") == ROOT / "strategies"


def test_a_wheel_has_it_inside_whatever_lies_beside(tmp_path, monkeypatch):
    # In site-packages a folder of another package may have the same name.
    (tmp_path / "templates").mkdir()
    (tmp_path / "btkit" / "files" / "templates").mkdir(parents=True)
    monkeypatch.setattr(shipped, "_PACKAGE", tmp_path / "btkit")
    assert shipped.shipped("templates") == tmp_path / "btkit" / "files" / "templates"


def test_everything_is_written_as_it_is(tmp_path):
    done = shipped.lay_out(tmp_path / "new" / "lab")
    assert done.folder == tmp_path / "new" / "lab"
    assert names(done.written, done.folder) == everything()
    assert (done.left, done.changed) == ([], [])
    for path in done.written:
        assert path.read_bytes() == (ROOT / path.relative_to(done.folder)).read_bytes()


def test_a_second_time_nothing_is_touched(tmp_path):
    first = shipped.lay_out(tmp_path)
    mine = tmp_path / "strategies" / "golden_cross.yaml"
    mine.write_text("name: mine\n")
    gone = tmp_path / "templates" / "run.ipynb"
    gone.unlink()
    again = shipped.lay_out(tmp_path)
    assert again.written == [gone]
    assert again.left == [path for path in first.written if path != gone]
    assert again.changed == [mine]
    assert mine.read_text() == "name: mine\n"


def test_what_else_lies_there_does_not_come_with_btkit(tmp_path, monkeypatch):
    files = tmp_path / "btkit" / "files"
    for kind in shipped.KINDS:
        (files / kind / ".ipynb_checkpoints").mkdir(parents=True)
        (files / kind / ".ipynb_checkpoints" / "ours.ipynb").write_text("{}")
    (files / "notebooks" / "mine.json").write_text("{}")
    (files / "notebooks" / "ours.ipynb").write_text("{}")
    monkeypatch.setattr(shipped, "_PACKAGE", tmp_path / "btkit")
    done = shipped.lay_out(tmp_path / "lab")
    assert names(done.written, done.folder) == {"notebooks/ours.ipynb"}


def test_a_relative_folder_is_told_in_full(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert shipped.lay_out("lab").folder == tmp_path / "lab"


@pytest.mark.parametrize("folder", ["", "  ", "a\0b"])
def test_what_names_no_folder_is_refused(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError, match="names no folder") as caught:
        shipped.lay_out(folder)
    assert caught.value.hint
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("place", ["lab", "lab/strategies"])
def test_a_file_in_the_way_is_named_before_anything_is_written(place, tmp_path):
    (tmp_path / place).parent.mkdir(exist_ok=True)
    (tmp_path / place).write_text("mine")
    with pytest.raises(UsageError, match=f"{place} is no folder"):
        shipped.lay_out(tmp_path / "lab")
    assert (tmp_path / place).read_text() == "mine"
    assert sum(path.is_file() for path in tmp_path.rglob("*")) == 1


def test_nothing_is_written_through_a_link(tmp_path):
    (tmp_path / "strategies").mkdir()
    link = tmp_path / "strategies" / "golden_cross.yaml"
    link.symlink_to(tmp_path / "nowhere")
    done = shipped.lay_out(tmp_path)
    assert link in done.left
    assert link in done.changed
    assert not (tmp_path / "nowhere").exists()


def test_a_full_disk_leaves_no_half_of_a_file(tmp_path, monkeypatch):
    usual = Path.open

    class Full:
        def __init__(self, file):
            self.file = file

        def __enter__(self):
            return self

        def __exit__(self, *_):
            self.file.close()

        def write(self, content):
            self.file.write(content[:10])
            self.file.flush()
            raise OSError(28, "No space left on device")

    def open_full(self, mode="r", *arguments, **options):
        file = usual(self, mode, *arguments, **options)
        return Full(file) if mode == "xb" and self.name == "run.ipynb" else file

    monkeypatch.setattr(Path, "open", open_full)
    with pytest.raises(StoreError, match="No space left on device") as caught:
        shipped.lay_out(tmp_path)
    assert not (tmp_path / "templates" / "run.ipynb").exists()
    assert len(caught.value.details["written"]) == len(everything()) - 3


def test_the_wheel_is_told_to_take_it_along():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    along = project["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert {kind: f"btkit/files/{kind}" for kind in shipped.KINDS}.items() <= along.items()
