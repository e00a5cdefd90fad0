"""Digits: every place they can come from, and everything that can go wrong there, with a mirror on this machine."""

from __future__ import annotations

import contextlib
import gzip
import hashlib
import http.server
import json
import os
import socket
import struct
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch

from gan_helpers import data
from gan_helpers.data import download, notice

REAL = os.environ.get("GAN_DATA")  # read once: the other tests take it away


def rng(seed: int = 0, device: str = "cpu") -> torch.Generator:
    return torch.Generator(device).manual_seed(seed)


# --- a mirror on this machine ----------------------------------------------------------------------------


def idx(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


def make_files(seed: int) -> dict[str, bytes]:
    """The four files of a small data set, packed: 9 images to train with and 5 to test with."""
    noise, files = np.random.default_rng(seed), {}
    for part, n in (("train", 9), ("t10k", 5)):
        images = noise.integers(0, 256, (n, 28, 28), dtype=np.uint8)
        files[f"{part}-images-idx3-ubyte.gz"] = gzip.compress(idx(images), mtime=0)
        files[f"{part}-labels-idx1-ubyte.gz"] = gzip.compress(idx((np.arange(n) % 10).astype(np.uint8)), mtime=0)
    return files


def images_in(packed: bytes) -> torch.Tensor:
    return torch.from_numpy(np.frombuffer(gzip.decompress(packed), np.uint8, offset=16).reshape(-1, 1, 28, 28).copy())


@dataclass
class Mirror:
    """A server of files on 127.0.0.1 that can be told to misbehave."""

    files: dict[str, bytes]
    hits: Counter = field(default_factory=Counter)
    mode: str = "good"  # or "missing", "half" (then it hangs up), "garbage", "silent", "stall" (half, then silence)
    release: threading.Event = field(default_factory=threading.Event)
    url: str = ""
    delay: float = 0.0

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        name = handler.path.rsplit("/", 1)[-1]
        self.hits[name] += 1
        if self.mode == "silent":
            self.release.wait(30)
            return
        if self.mode == "missing" or name not in self.files:
            handler.send_error(403)
            return
        body = self.files[name]
        content = bytes(len(body)) if self.mode == "garbage" else body
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        if self.mode in ("half", "stall"):
            handler.wfile.write(content[: len(body) // 2])
            handler.wfile.flush()
            if self.mode == "stall":
                self.release.wait(30)
            return
        threading.Event().wait(self.delay)
        handler.wfile.write(content)


def serve(mirror: Mirror) -> http.server.ThreadingHTTPServer:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with contextlib.suppress(OSError):  # the other side has gone
                mirror.answer(self)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    mirror.url = f"http://127.0.0.1:{server.server_address[1]}/"
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    return server


@pytest.fixture(autouse=True)
def nothing_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is a process of its own, as far as notices go."""
    monkeypatch.setattr(notice, "_told", set())


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Mirror]:
    """A mirror of a small MNIST, and of a small Fashion-MNIST, and no other place to find them in."""
    from torchvision import datasets

    here = Mirror(make_files(0))
    server = serve(here)
    resources = [(name, hashlib.md5(content).hexdigest()) for name, content in here.files.items()]
    for dataset in (datasets.MNIST, datasets.FashionMNIST):
        monkeypatch.setattr(dataset, "resources", resources)
        monkeypatch.setattr(dataset, "mirrors", [here.url])
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv("GAN_DATA", raising=False)
    yield here
    here.release.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def offline(mirror: Mirror, monkeypatch: pytest.MonkeyPatch) -> Mirror:
    """The same without a network: the only mirror's port is closed."""
    from torchvision import datasets

    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        closed = f"http://127.0.0.1:{free.getsockname()[1]}/"
    for dataset in (datasets.MNIST, datasets.FashionMNIST):
        monkeypatch.setattr(dataset, "mirrors", [closed])
    return mirror


def put(folder: Path, files: dict[str, bytes], unpacked: bool = False) -> Path:
    folder.mkdir(parents=True)
    for name, content in files.items():
        path = folder / name
        (path.with_suffix("") if unpacked else path).write_bytes(gzip.decompress(content) if unpacked else content)
    return folder


def cached(tmp_path: Path, folder: str = "MNIST") -> Path:
    return tmp_path / "cache" / "gan_helpers" / folder / "raw"


TRAIN = "train-images-idx3-ubyte.gz"


# --- where they come from --------------------------------------------------------------------------------


def test_download_lands_whole_in_the_cache_and_is_not_repeated(mirror: Mirror, tmp_path: Path, capfd) -> None:
    images = data.digits()
    assert torch.equal(images.images, images_in(mirror.files[TRAIN]))
    assert images.labels.tolist() == list(range(9))
    assert (images.source, len(images)) == ("mnist", 9)
    left = {path.name for path in cached(tmp_path).iterdir()} - {".lock"}
    assert left == {TRAIN, "train-labels-idx1-ubyte.gz"}
    before = mirror.hits.copy()
    assert torch.equal(data.digits().images, images.images)
    assert mirror.hits == before
    assert len(data.digits(train=False)) == 5
    assert set(mirror.hits.values()) == {1}
    assert socket.getdefaulttimeout() is None
    assert capfd.readouterr() == ("", "")


def test_fashion_has_its_own_folder(mirror: Mirror, tmp_path: Path) -> None:
    assert data.digits("fashion").source == "fashion"
    assert (cached(tmp_path, "FashionMNIST") / TRAIN).exists()
    assert not cached(tmp_path).exists()


def test_order_of_places(offline: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each place holds unpacked files of its own, so that one sees which was read."""
    made = {place: make_files(seed) for seed, place in enumerate(("root", "variable", "cache"), start=1)}
    put(cached(tmp_path), made["cache"], unpacked=True)
    assert torch.equal(data.digits().images, images_in(made["cache"][TRAIN]))
    put(tmp_path / "variable" / "MNIST" / "raw", made["variable"], unpacked=True)
    monkeypatch.setenv("GAN_DATA", str(tmp_path / "variable"))
    assert torch.equal(data.digits().images, images_in(made["variable"][TRAIN]))
    put(tmp_path / "root" / "MNIST" / "raw", made["root"], unpacked=True)
    for root in (tmp_path / "root", str(tmp_path / "root" / "MNIST")):
        assert torch.equal(data.digits(root=root).images, images_in(made["root"][TRAIN]))
    assert torch.equal(data.digits(root=tmp_path / "empty").images, images_in(made["variable"][TRAIN]))
    monkeypatch.setenv("GAN_DATA", str(tmp_path / "nowhere"))
    assert torch.equal(data.digits().images, images_in(made["cache"][TRAIN]))


def test_packed_files_are_read_in_place_and_nothing_is_written(offline: Mirror, tmp_path: Path) -> None:
    raw = put(tmp_path / "MNIST" / "raw", offline.files)
    before = sorted(tmp_path.rglob("*"))
    assert len(data.digits(root=tmp_path)) == 9
    assert len(data.digits(root=raw.parent, train=False)) == 5
    assert sorted(tmp_path.rglob("*")) == before


def test_an_explicit_root_is_where_a_download_goes(mirror: Mirror, tmp_path: Path) -> None:
    data.digits(root=tmp_path / "mine")
    assert (tmp_path / "mine" / "MNIST" / "raw" / TRAIN).read_bytes() == mirror.files[TRAIN]
    assert not (tmp_path / "cache").exists()


@pytest.mark.skipif(not REAL, reason="GAN_DATA does not name a folder with the real MNIST")
@pytest.mark.parametrize("train", [True, False])
def test_the_real_mnist(train: bool) -> None:
    from torchvision.datasets import mnist

    images = data.digits(root=REAL, train=train)
    if images.source != "mnist":
        pytest.skip("GAN_DATA does not name a folder with the real MNIST")
    assert images.images.shape == (60_000 if train else 10_000, 1, 28, 28)
    assert images.labels[:5].tolist() == ([5, 0, 4, 1, 9] if train else [7, 2, 1, 0, 4])
    counts = images.labels.bincount().tolist()
    assert counts[:2] == ([5923, 6742] if train else [980, 1135])
    share = images.images.float().mean().item() / 255
    assert share == pytest.approx(0.1307 if train else 0.1325, abs=1e-4)
    assert mnist.MNIST.resources[0][1] == "f68b3c2dcbeaaa9fbdd348bbdeb94873"  # nothing of the small one is left over


# --- what goes wrong -------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["truncated", "flipped", "empty", "a folder"])
def test_a_damaged_file_is_fetched_again(mirror: Mirror, tmp_path: Path, damage: str) -> None:
    path = put(cached(tmp_path), mirror.files) / TRAIN
    content = mirror.files[TRAIN]
    if damage == "truncated":
        path.write_bytes(content[:-100])
    elif damage == "flipped":
        path.write_bytes(content[:500] + bytes([content[500] ^ 1]) + content[501:])
    elif damage == "empty":
        path.write_bytes(b"")
    else:
        path.unlink()
        path.mkdir()
        with pytest.raises(FileNotFoundError, match="cannot be written to"):
            data.digits("mnist", root=tmp_path / "cache" / "gan_helpers")
        return
    assert torch.equal(data.digits().images, images_in(content))
    assert path.read_bytes() == content
    assert mirror.hits == {TRAIN: 1}  # the intact one is kept


def test_an_unpacked_file_of_the_wrong_length_is_not_believed(mirror: Mirror, tmp_path: Path) -> None:
    path = put(cached(tmp_path), mirror.files, unpacked=True) / TRAIN.removesuffix(".gz")
    path.write_bytes(path.read_bytes()[:-1])
    assert torch.equal(data.digits().images, images_in(mirror.files[TRAIN]))
    assert mirror.hits[TRAIN] == 1


@pytest.mark.parametrize("content", [b"", b"\0\0", b"\0\0\x0d\x01" + bytes(8), b"\0\0\x08\x03\0\0", b"PK\3\4" * 9])
def test_parse_refuses_what_is_not_an_idx_file_of_bytes(content: bytes) -> None:
    with pytest.raises(ValueError):
        download._parse_idx(content)


def test_parse_agrees_with_torchvision(tmp_path: Path) -> None:
    from torchvision.datasets import mnist

    raw = put(tmp_path / "raw", make_files(3), unpacked=True)
    images = raw / TRAIN.removesuffix(".gz")
    assert torch.equal(download._parse_idx(images.read_bytes()), mnist.read_image_file(str(images)))


@pytest.mark.parametrize("mode", ["missing", "half", "garbage"])
def test_a_bad_mirror_leaves_nothing_behind_and_the_next_one_is_asked(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, mode: str
) -> None:
    from torchvision import datasets

    mirror.mode = mode
    assert data.digits().source == "digits8x8"
    problem = "checksum" if mode == "garbage" else "no mirror sent the file"
    assert problem in capsys.readouterr().out
    assert [path.name for path in cached(tmp_path).iterdir()] == [".lock"]

    good = Mirror(mirror.files)
    server = serve(good)
    monkeypatch.setattr(datasets.MNIST, "mirrors", [mirror.url, good.url])
    assert data.digits().source == "mnist"
    assert good.hits[TRAIN] == 1
    server.shutdown()
    server.server_close()


@pytest.mark.parametrize("mode", ["silent", "stall"])
def test_a_silent_mirror_is_given_up(mirror: Mirror, monkeypatch: pytest.MonkeyPatch, capsys, mode: str) -> None:
    monkeypatch.setattr(download, "TIMEOUT", 0.3)
    mirror.mode = mode
    assert data.digits().source == "digits8x8"
    assert "no mirror sent the file" in capsys.readouterr().out
    assert socket.getdefaulttimeout() is None


def test_no_network_stands_in_with_a_notice(offline: Mirror, capfd) -> None:
    train, test = data.digits(size=28, flat=True), data.digits(train=False)
    out, err = capfd.readouterr()
    assert out.startswith("Notice: MNIST is not on this machine, and it could not be downloaded")
    assert out.count("Notice") == 1  # for both
    assert "scikit-learn" in out
    assert err == ""
    assert (train.source, test.source) == ("digits8x8", "digits8x8")
    assert (len(train), len(test)) == (1500, 297)
    assert train.images.shape == (1500, 1, 28, 28)
    assert train.images.dtype == torch.uint8
    assert train.images.max() > 240  # 16 of 16 becomes 255, less what the scaling smooths
    assert train.labels.unique().tolist() == list(range(10))


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        ("missing", "which is not there"),
        ("a file", "which is a file, not a folder"),
        ("empty", "in which there is no MNIST/raw"),
        ("raw", "should name the folder that holds MNIST/raw"),
        ("no file", "whose MNIST/raw has no file of the data set"),
        ("broken", "where a file of MNIST/raw is missing or damaged"),
    ],
)
def test_the_notice_says_what_is_wrong_with_gan_data(
    offline: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys, state: str, reason: str
) -> None:
    place = tmp_path / "given"
    raw = place / "MNIST" / "raw"
    if state == "a file":
        place.write_text("not a folder")
    elif state == "empty":
        place.mkdir()
    elif state == "no file":
        raw.mkdir(parents=True)
    elif state in ("raw", "broken"):
        (put(raw, offline.files) / TRAIN).write_bytes(b"broken")
    monkeypatch.setenv("GAN_DATA", str(raw if state == "raw" else place))
    assert data.digits().source == "digits8x8"
    out = capsys.readouterr().out
    assert f"GAN_DATA names '{raw if state == 'raw' else place}', " in out
    assert reason in out


def no_traceback_of_the_network(error: BaseException) -> None:
    assert error.__suppress_context__
    assert error.__cause__ is None
    assert "\n" not in str(error)
    assert "urlopen" not in str(error)


def test_nothing_stands_in_for_clothes(offline: Mirror) -> None:
    with pytest.raises(
        FileNotFoundError,
        match=r"FashionMNIST is in none of .*gan_helpers.* could not be downloaded .* set GAN_DATA",
    ) as info:
        data.digits("fashion")
    no_traceback_of_the_network(info.value)


def test_an_explicit_root_without_the_files_is_an_error_in_one_sentence(
    offline: Mirror, tmp_path: Path, capsys
) -> None:
    with pytest.raises(FileNotFoundError, match=r"MNIST is in none of '.*here', .* could not be downloaded") as info:
        data.digits(root=tmp_path / "here")
    no_traceback_of_the_network(info.value)
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(FileNotFoundError, match=r"MNIST is in none of .*, and '.*raw' cannot be written to") as info:
        data.digits(root=tmp_path / "file" / "below")
    no_traceback_of_the_network(info.value)
    assert capsys.readouterr().out == ""  # no stand-in


def test_a_cache_that_cannot_be_written_stands_in_too(mirror: Mirror, tmp_path: Path, capsys) -> None:
    (tmp_path / "cache").write_text("not a folder")
    assert data.digits().source == "digits8x8"
    assert "cannot be written to" in capsys.readouterr().out


@pytest.mark.slow
def test_the_notice_in_a_notebook_is_fit_for_a_page(offline: Mirror, root: Path) -> None:
    import nbclient
    import nbformat
    from torchvision import datasets

    code = (
        f"import sys; sys.path.insert(0, {str(root)!r})\n"
        "from torchvision import datasets\n"
        f"datasets.MNIST.mirrors = {datasets.MNIST.mirrors!r}\n"
        "from gan_helpers import data\n"
        "x = data.digits(flat=True)"
    )
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
    nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
    (output,) = notebook.cells[0].outputs  # one, and so nothing on stderr
    assert output.output_type == "display_data"
    assert output.data["text/plain"].startswith("Notice: MNIST is not on this machine")
    assert output.data["text/html"].startswith('<div role="note"')
    assert "scikit-learn" in output.data["text/html"]


# --- several processes -----------------------------------------------------------------------------------

CHILD = """
import json, sys
from torchvision import datasets
datasets.MNIST.resources, datasets.MNIST.mirrors = json.loads(sys.argv[1])
from gan_helpers import data
images = data.digits()
print(images.source, len(images))
"""


def start(root: Path) -> subprocess.Popen:
    from torchvision import datasets

    given = json.dumps([datasets.MNIST.resources, datasets.MNIST.mirrors])
    pipe = subprocess.PIPE
    return subprocess.Popen([sys.executable, "-c", CHILD, given], cwd=root, stdout=pipe, stderr=pipe, text=True)


@pytest.mark.slow
def test_two_processes_at_once_download_once(mirror: Mirror, root: Path, tmp_path: Path) -> None:
    mirror.delay = 1.0
    processes = [start(root), start(root)]
    for process in processes:
        out, err = process.communicate(timeout=120)
        assert out == "mnist 9\n", err
        assert err == ""
    assert set(mirror.hits.values()) == {1}
    assert (cached(tmp_path) / TRAIN).read_bytes() == mirror.files[TRAIN]


def test_a_process_killed_half_way_leaves_no_half_file(mirror: Mirror, root: Path, tmp_path: Path) -> None:
    mirror.mode = "stall"
    process = start(root)
    for _ in range(1200):
        if mirror.hits[TRAIN]:
            break
        threading.Event().wait(0.1)
    process.kill()
    process.communicate()
    assert mirror.hits[TRAIN] == 1
    assert not (cached(tmp_path) / TRAIN).exists()
    mirror.release.set()
    mirror.mode = "good"
    assert data.digits().source == "mnist"


# --- the object ------------------------------------------------------------------------------------------


def test_batches_by_index_lie_in_minus_one_to_one(mirror: Mirror) -> None:
    images = data.digits(device=torch.device("cpu"))
    x = images.batch(slice(0, 9))
    assert x.dtype == torch.float32
    torch.testing.assert_close(((x + 1) * 127.5).round().to(torch.uint8), images.images)
    assert (x.min().item(), x.max().item()) == (-1.0, 1.0)
    before = torch.get_rng_state()
    assert torch.equal(images.sample(6, rng(4)), images.sample(6, rng(4)))
    assert not torch.equal(images.sample(6, rng(4)), images.sample(6, rng(5)))
    assert torch.equal(before, torch.get_rng_state())
    flat = data.digits(flat=True)
    assert (flat.dim, flat.sample(6, rng()).shape) == (784, (6, 784))
    assert torch.equal(flat.sample(6, rng()).reshape(6, 1, 28, 28), images.sample(6, rng()))
    assert images.batch(images.labels == 3).shape == (1, 1, 28, 28)
    assert repr(flat) == "Images(source='mnist', flat=True)"


@pytest.mark.parametrize("size", [8, 32, 64])
def test_another_size_keeps_the_mean_grey(mirror: Mirror, size: int) -> None:
    images = data.digits(size=size)
    assert images.images.shape == (9, 1, size, size)
    assert images.images.dtype == torch.uint8
    assert images.images.float().mean().item() == pytest.approx(
        images_in(mirror.files[TRAIN]).float().mean().item(), rel=0.03
    )


def test_digits_on_cuda(mirror: Mirror) -> None:
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device")
    images = data.digits(device="cuda")
    assert images.images.device.type == images.sample(3, rng(0, "cuda")).device.type == "cuda"
    assert torch.equal(images.sample(3, rng()).cpu(), data.digits().sample(3, rng()))


def test_bad_arguments_name_the_valid_ones(mirror: Mirror) -> None:
    with pytest.raises(ValueError, match="unknown dataset 'cifar': choose one of mnist, fashion"):
        data.digits("cifar")
    with pytest.raises(ValueError, match=r"unknown device 'gpu'.*cpu, cuda, mps"):
        data.digits(device="gpu")
    with pytest.raises(ValueError, match="size is 0"):
        data.digits(size=0)
