"""The registry of base weights: what is registered is what is handed out, and nothing that could run ever is."""

import json
import multiprocessing
import os
import sys
import types

import pytest

from twinbook.domain.errors import InputError, StateError
from twinbook.domain.weights import Family
from twinbook.store import FileWeights

COMMIT = "0123456789abcdef0123456789abcdef01234567"


def safetensors(data=b"1234"):
    header = json.dumps({"w": {"dtype": "U8", "shape": [len(data)], "data_offsets": [0, len(data)]}}).encode()
    return len(header).to_bytes(8, "little") + header + data


def a_pipeline(folder, data=b"1234"):
    for name, content in {
        "model_index.json": b"{}",
        "unet/config.json": b"{}",
        "unet/diffusion_pytorch_model.safetensors": safetensors(data),
        "tokenizer/merges.txt": b"a b",
        "tokenizer/spiece.model": b"\x0a",
        "README.md": b"---\nlicense: apache-2.0\n---\n# weights",
        "LICENSE": b"do what you like",
        ".gitattributes": b"",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


@pytest.fixture
def make(tmp_path, clock):
    """The shelf as another process would open it."""
    return lambda: FileWeights(tmp_path / "home" / "weights", clock)


@pytest.fixture
def shelf(make):
    return make()


@pytest.fixture
def pipeline(tmp_path):
    return a_pipeline(tmp_path / "models" / "sdxl")


def add(shelf, folder, name="sdxl", licence="OpenRAIL++", commercial=True):
    return shelf.add(folder, name, Family.SDXL, licence, commercial)


def test_a_folder_stays_where_it_is_and_is_known_by_its_files(shelf, make, pipeline):
    made = add(shelf, pipeline)
    assert sorted(made.files) == [
        "model_index.json",
        "tokenizer/merges.txt",
        "tokenizer/spiece.model",
        "unet/config.json",
        "unet/diffusion_pytorch_model.safetensors",
    ]
    again = make()
    assert again.get("sdxl") == made
    assert again.all() == (made,)
    assert again.folder("sdxl") == pipeline.resolve()


def test_the_same_files_are_the_same_weights_wherever_they_lie(shelf, pipeline, tmp_path):
    other = a_pipeline(tmp_path / "elsewhere")
    assert add(shelf, pipeline).digest == add(shelf, other, "copy").digest
    changed = a_pipeline(tmp_path / "third", b"1235")
    assert add(shelf, changed, "changed").digest != shelf.get("sdxl").digest


def test_a_name_is_given_once(shelf, pipeline):
    add(shelf, pipeline)
    with pytest.raises(InputError, match=r"weights\.taken"):
        add(shelf, pipeline)
    with pytest.raises(InputError, match=r"weights\.unknown"):
        shelf.get("flux")


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", ".hidden", "registry.json", "lock", "x" * 129])
def test_a_name_leads_nowhere(shelf, pipeline, name):
    with pytest.raises(InputError, match=r"weights\.name"):
        add(shelf, pipeline, name)


@pytest.mark.parametrize(
    "extra", ["a.bin", "unet/m.ckpt", "m.pt", "m.pth", "m.pkl", "m.onnx", "pipeline.py", "m.so", "m.PY", "noending"]
)
def test_what_can_hold_code_is_neither_registered_nor_handed_out(shelf, make, pipeline, extra):
    (pipeline / extra).write_bytes(b"x")
    with pytest.raises(InputError, match=r"weights\.unreadable"):
        add(shelf, pipeline)
    (pipeline / extra).unlink()
    add(shelf, pipeline)
    (pipeline / extra).write_bytes(b"x")
    for one in (shelf, make()):
        with pytest.raises(StateError, match=r"weights\.changed"):
            one.folder("sdxl")


def test_a_pickle_under_another_name_is_told(shelf, pipeline):
    (pipeline / "unet" / "more.safetensors").write_bytes(b"\x80\x04\x95" + bytes(100))
    with pytest.raises(InputError, match=r"weights\.unreadable.*more"):
        add(shelf, pipeline)


def test_a_folder_without_weights_is_none(shelf, tmp_path):
    (tmp_path / "empty").mkdir()
    for folder in (tmp_path / "empty", tmp_path / "nowhere"):
        with pytest.raises(InputError, match=r"weights\.unreadable"):
            add(shelf, folder)


def change(pipeline):
    (pipeline / "unet" / "config.json").write_bytes(b'{"a": 1}')


def change_in_place_and_set_the_clock_back(pipeline):
    file = pipeline / "unet" / "diffusion_pytorch_model.safetensors"
    before = file.stat()
    file.write_bytes(safetensors(b"4321"))
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))


def remove(pipeline):
    (pipeline / "tokenizer" / "merges.txt").unlink()


def add_a_file(pipeline):
    (pipeline / "unet" / "extra.safetensors").write_bytes(safetensors())


def link_a_file(pipeline):
    file = pipeline / "unet" / "config.json"
    file.rename(pipeline.parent / "config.json")
    file.symlink_to(pipeline.parent / "config.json")


def link_a_folder(pipeline):
    (pipeline / "vae").symlink_to(pipeline.parent)


def take_it_away(pipeline):
    pipeline.rename(pipeline.parent / "gone")


@pytest.mark.parametrize(
    "harm",
    [change, change_in_place_and_set_the_clock_back, remove, add_a_file, link_a_file, link_a_folder, take_it_away],
    ids=lambda harm: harm.__name__,
)
def test_what_was_changed_since_is_not_handed_out(shelf, make, pipeline, harm):
    add(shelf, pipeline)
    shelf.folder("sdxl")
    harm(pipeline)
    for one in (shelf, make()):
        with pytest.raises(StateError, match=r"weights\.changed"):
            one.folder("sdxl")


@pytest.mark.parametrize("harm", [link_a_file, link_a_folder])
def test_a_link_is_not_registered(shelf, pipeline, harm):
    harm(pipeline)
    with pytest.raises(InputError, match=r"weights\.unreadable.*link"):
        add(shelf, pipeline)


def test_files_are_read_once_a_process_while_they_stay(shelf, pipeline, monkeypatch):
    add(shelf, pipeline)
    import hashlib

    monkeypatch.setattr(hashlib, "file_digest", lambda *a: pytest.fail("read again"))
    shelf.folder("sdxl")


def test_a_commercial_word_against_a_known_licence_is_refused(shelf, pipeline):
    with pytest.raises(InputError, match=r"weights\.licence"):
        add(shelf, pipeline, licence="CC-BY-NC-4.0", commercial=True)
    assert not add(shelf, pipeline, licence="CC-BY-NC-4.0", commercial=False).commercial


def test_removing_leaves_what_was_added_where_it_is(shelf, pipeline):
    add(shelf, pipeline)
    shelf.remove("sdxl")
    assert (pipeline / "model_index.json").exists()
    assert not shelf.all()
    with pytest.raises(InputError, match=r"weights\.unknown"):
        shelf.remove("sdxl")


def _add_many(home, pipeline, names):
    from twinbook import testing

    for name in names:
        FileWeights(home, testing.FakeClock()).add(pipeline, name, Family.SDXL, "MIT", True)


def test_two_writers_lose_nothing(tmp_path, make, pipeline):
    names = [[f"{who}-{n}" for n in range(12)] for who in "ab"]
    context = multiprocessing.get_context("fork")
    writers = [context.Process(target=_add_many, args=(tmp_path / "home" / "weights", pipeline, n)) for n in names]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert {w.name for w in make().all()} == {name for mine in names for name in mine}


@pytest.mark.parametrize(
    "text", ["", "[]", "{}", '{"weights": {"sdxl": 1}}', '{"weights": {"sdxl": {"family": "sd9"}}}']
)
def test_a_registry_that_somebody_spoilt_is_said_to_be(shelf, make, pipeline, tmp_path, text):
    add(shelf, pipeline)
    (tmp_path / "home" / "weights" / "registry.json").write_text(text)
    with pytest.raises(StateError, match=r"weights\.changed"):
        make().get("sdxl")


# --- pulling ----------------------------------------------------------------------------------------------------


@pytest.fixture
def hub(monkeypatch):
    """Stands for huggingface_hub: puts a pipeline where it is asked to."""
    asked = []

    def snapshot_download(repo_id, revision, local_dir, allow_patterns):
        from pathlib import Path

        asked.append((repo_id, revision))
        a_pipeline(Path(local_dir))
        (Path(local_dir) / ".cache" / "huggingface").mkdir(parents=True, exist_ok=True)
        if hub.spoil:
            hub.spoil(Path(local_dir))

    hub = types.SimpleNamespace(snapshot_download=snapshot_download, asked=asked, spoil=None)
    monkeypatch.setitem(sys.modules, "huggingface_hub", hub)
    return hub


def test_a_pinned_revision_is_pulled_into_the_home_and_goes_with_its_entry(shelf, hub, tmp_path):
    made = shelf.pull("tongyi/some-weights", COMMIT, "mine", Family.Z_IMAGE)
    assert (made.source, made.revision, made.licence, made.commercial) == (
        "tongyi/some-weights",
        COMMIT,
        "apache-2.0",
        True,
    )
    assert shelf.folder("mine") == tmp_path / "home" / "weights" / "mine"
    shelf.remove("mine")
    assert not (tmp_path / "home" / "weights" / "mine").exists()


@pytest.mark.parametrize("revision", ["main", "v1.0", "", COMMIT[:12], COMMIT.upper()])
def test_a_branch_is_no_revision(shelf, hub, revision):
    with pytest.raises(InputError, match=r"weights\.revision"):
        shelf.pull("tongyi/some-weights", revision, "mine", Family.Z_IMAGE)
    assert not hub.asked


def test_a_licence_is_not_talked_away_before_anything_comes(shelf, hub):
    with pytest.raises(InputError, match=r"weights\.licence"):
        shelf.pull("black-forest-labs/FLUX.2-klein-9B", COMMIT, "klein", Family.FLUX2_KLEIN, "Apache-2.0")
    assert not hub.asked
    assert not shelf.pull("black-forest-labs/FLUX.2-klein-9B", COMMIT, "klein", Family.FLUX2_KLEIN).commercial


def test_code_in_a_repository_is_not_taken(shelf, hub):
    hub.spoil = lambda folder: (folder / "pipeline.py").write_text("import os")
    with pytest.raises(InputError, match=r"weights\.unreadable"):
        shelf.pull("tongyi/some-weights", COMMIT, "mine", Family.Z_IMAGE)
    assert not shelf.all()


def test_a_pull_that_was_broken_off_goes_on(shelf, hub, tmp_path):
    def broken(folder):
        raise ConnectionError("reset")

    hub.spoil = broken
    with pytest.raises(InputError, match=r"weights\.pull.*reset"):
        shelf.pull("tongyi/some-weights", COMMIT, "mine", Family.Z_IMAGE)
    hub.spoil = None
    a_pipeline(tmp_path / "home" / "weights" / "mine", b"left over")
    made = shelf.pull("tongyi/some-weights", COMMIT, "mine", Family.Z_IMAGE)
    assert shelf.folder("mine").is_dir()
    assert shelf.get("mine") == made


def test_without_the_extra_pulling_says_so(shelf, monkeypatch):
    monkeypatch.setitem(sys.modules, "huggingface_hub", None)
    with pytest.raises(InputError, match=r"diffusion\.missing"):
        shelf.pull("tongyi/some-weights", COMMIT, "mine", Family.Z_IMAGE)


# --- weights of another machine ---------------------------------------------------------------------------------


def test_declared_weights_have_a_licence_and_no_files(shelf):
    made = shelf.declare("sd_xl_base_1.0", Family.SDXL, "OpenRAIL++", commercial=False)
    assert made.commercial
    assert shelf.get("sd_xl_base_1.0") == made
    with pytest.raises(InputError, match=r"weights\.elsewhere"):
        shelf.folder("sd_xl_base_1.0")
    with pytest.raises(InputError, match=r"weights\.taken"):
        shelf.declare("sd_xl_base_1.0", Family.SDXL, "MIT", commercial=True)
    shelf.remove("sd_xl_base_1.0")
    assert not shelf.all()
