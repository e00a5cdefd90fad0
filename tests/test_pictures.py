"""Pictures of one's own: every kind of file and wrong folder, cache and labels; and the sets that stand for them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import pickle
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gan_helpers import data
from gan_helpers.data import cifar, download, emojis, folder, notice

RED, GREEN, WHITE = (255, 0, 0), (0, 128, 0), (255, 255, 255)


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A cache of its own, no data at hand, and no network."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("GAN_DATA", raising=False)
    for name in ("https_proxy", "HTTPS_PROXY", "http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setattr(notice, "_told", set())


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder to fill."""
    (tmp_path / "mine").mkdir()
    return tmp_path / "mine"


def save(path: Path, colour=RED, size=(60, 50), mode="RGB", **options) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).convert(mode).save(path, **options)
    return path


def colours(images: data.Images) -> list[tuple[int, ...]]:
    """The colour in the middle of each picture."""
    half = images.size // 2
    return [tuple(x[:, half, half].tolist()) for x in images.images]


# --- what files may be


@pytest.mark.parametrize(("name", "mode"), [("a.png", "RGB"), ("a.PNG", "P"), ("a.jpg", "RGB"), ("a.jpeg", "CMYK"),
                                            ("a.webp", "RGB"), ("a.gif", "P"), ("a.bmp", "RGB"),
                                            ("a.tiff", "RGBA")])  # fmt: skip
def test_every_kind_of_file_gives_its_colour(place, name, mode):
    save(place / name, mode=mode)
    save(place / "z.png", GREEN)
    images = data.pictures(place, 32)
    assert images.images.shape == (2, 3, 32, 32)
    assert images.images.dtype == torch.uint8
    np.testing.assert_allclose(colours(images), [RED, GREEN], atol=4)


@pytest.mark.parametrize("mode", ["L", "LA", "I;16", "1"])
def test_grey_pictures_stay_grey(place, mode):
    grey = np.full((50, 60), 128 if mode != "1" else 255, np.uint8)
    made = Image.fromarray(grey.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(grey).convert(mode)
    made.save(place / "a.png")
    save(place / "b.png", WHITE)
    for channels in (1, 3):
        images = data.pictures(place, 32, channels)
        assert images.channels == channels
        assert set(colours(images)[0]) == {int(grey[0, 0])}


def test_colour_becomes_grey_by_its_luminance(place):
    save(place / "a.png", RED)
    save(place / "b.png", WHITE)
    assert colours(data.pictures(place, 32, channels=1)) == [(76,), (255,)]


@pytest.mark.parametrize(("background", "seen"), [("white", WHITE), ("#008000", GREEN)])
@pytest.mark.parametrize("mode", ["RGBA", "P", "LA"])
def test_what_is_transparent_shows_the_background(place, background, seen, mode):
    clear = Image.new("RGBA", (50, 50), (0, 0, 0, 0)).convert(mode)
    clear.save(place / "a.png", **({"transparency": 0} if mode == "P" else {}))
    save(place / "b.png")
    assert colours(data.pictures(place, 32, background=background)) == [seen, RED]


def test_a_photograph_is_turned_as_its_camera_was(place):
    half = np.zeros((80, 80, 3), np.uint8)
    half[:40] = 255  # white above
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera stood on its side: turn it clockwise
    Image.fromarray(half).save(place / "a.jpg", exif=exif, quality=95)
    save(place / "b.png")
    turned = data.pictures(place, 32, channels=1).images[0, 0].float()
    assert turned[:, 20:].mean() > 200  # what was above is at the right
    assert turned[:, :12].mean() < 50


def test_three_ways_to_make_a_square(place):
    wide = np.zeros((40, 120, 3), np.uint8)
    wide[:, :40], wide[:, 40:80], wide[:, 80:] = RED, GREEN, WHITE
    for name in "ab":
        Image.fromarray(wide).save(place / f"{name}.png")
    centre, pad, stretch = (data.pictures(place, 30, crop=crop).images[0] for crop in folder.CROPS)
    assert centre[:, 15, 2].tolist() == list(GREEN) == centre[:, 15, 27].tolist()
    assert pad[:, 15, 3].tolist() == list(RED)
    assert pad[:, 2, 15].tolist() == [255, 255, 255] == pad[:, 27, 15].tolist()
    assert [stretch[:, 15, x].tolist() for x in (3, 15, 27)] == [list(RED), list(GREEN), list(WHITE)]


def test_scaling_down_is_smooth(place):
    stripes = np.zeros((64, 64), np.uint8)
    stripes[:, ::2] = 255
    for name in "ab":
        Image.fromarray(stripes).save(place / f"{name}.png")
    grey = data.pictures(place, 16, channels=1).images[0].float()
    assert 110 < grey.min() <= grey.max() < 145  # nearest pixels would be 0 or 255


def test_of_an_animation_the_first_frame_counts(place):
    frames = [Image.new("P", (40, 40), k) for k in (0, 1)]
    for frame in frames:
        frame.putpalette([*RED, *GREEN])
    frames[0].save(place / "a.gif", save_all=True, append_images=frames[1:])
    save(place / "b.png", WHITE)
    assert colours(data.pictures(place, 32)) == [RED, WHITE]


# --- what is left out, and what is an error


def test_what_gives_no_picture_is_counted_and_named(place, capsys):
    save(place / "a.png")
    save(place / "deep/er/b.jpg", GREEN)
    whole = save(place / "cut.png").read_bytes()
    (place / "cut.png").write_bytes(whole[: len(whole) // 2])
    (place / "empty.jpg").touch()
    (place / "notes.txt").write_text("no picture")
    (place / "photo.heic").write_bytes(b"?" * 100)
    save(place / "tiny.png", size=(10, 90))
    save(place / ".hidden.png")
    save(place / "__MACOSX/c.png")
    images = data.pictures(place, 32)
    assert images.titles == ("a.png", "deep/er/b.jpg")
    said = capsys.readouterr().out
    assert said.startswith("mine: 2 pictures of 32 x 32; left out: ")
    for words in (
        "2 broken or unreadable: cut.png, empty.jpg",
        "1 no picture (.txt): notes.txt",
        "1 no picture (.heic): photo.heic",
        "1 smaller than 16 pixels: tiny.png",
    ):
        assert words in said
    assert len(data.pictures(place, 32, smallest=0)) == 3
    assert len(data.pictures(place, 32, crop="pad")) == 3  # 90 pixels high


def test_an_error_says_what_to_give_instead(place, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"there is no folder '.*nowhere'"):
        data.pictures(tmp_path / "nowhere")
    with pytest.raises(ValueError, match="gives 0 pictures: it holds no file"):
        data.pictures(place)
    one = save(place / "a.png", size=(20, 20))
    with pytest.raises(NotADirectoryError, match=r"a\.png' is a file: give the folder"):
        data.pictures(one)
    (tmp_path / "all.zip").touch()
    with pytest.raises(NotADirectoryError, match=r"is an archive: unpack it first, shutil\.unpack_archive"):
        data.pictures(tmp_path / "all.zip")
    with pytest.raises(ValueError, match=r"gives 1 picture: a GAN needs more than one picture"):
        data.pictures(place, 16)
    save(place / "b.png", size=(20, 20))
    with pytest.raises(ValueError, match=r"gives 0 pictures: .*2 smaller than 32 pixels.*smallest=0"):
        data.pictures(place, 64)
    for wrong in ({"size": 0}, {"channels": 4}, {"crop": "left"}):
        with pytest.raises(ValueError, match=f"got .*{next(iter(wrong))}="):
            data.pictures(place, **wrong)
    with pytest.raises(ValueError, match="background is 'reddish': give a colour"):
        data.pictures(place, background="reddish")


def test_more_than_memory_holds_is_said_before_any_work(place, monkeypatch):
    for k in range(4):
        save(place / f"{k}.png")
    (place / "film.mp4").touch()  # is no picture, and does not count
    monkeypatch.setattr(folder, "memory", lambda device: 2 * 4 * 3 * 64 * 64)
    monkeypatch.setattr(folder, "pixels", lambda *_: pytest.fail("work was done"))
    with pytest.raises(ValueError, match=r"4 pictures of 64 x 64 pixels take .* GiB, .* choose a smaller size"):
        data.pictures(place)


# --- labels, the cache, parts


def test_folders_within_are_labels_if_every_picture_lies_in_one(place):
    for name in ("cats/a.png", "dogs/old/b.png", "cats/c.png"):
        save(place / name)
    images = data.pictures(place, 32)
    assert images.names == ("cats", "dogs")
    assert images.labels.tolist() == [0, 0, 1]
    save(place / "loose.png")
    assert data.pictures(place, 32).labels is None


def test_a_second_call_reads_what_the_first_has_kept_until_a_file_changes(place, monkeypatch, capsys):
    for k in range(3):
        save(place / f"{k}.png")
    (place / "notes.txt").write_text("x")
    first = data.pictures(place, 32)
    said = capsys.readouterr().out
    work = folder.pixels
    monkeypatch.setattr(folder, "pixels", lambda *_: pytest.fail("it was decoded again"))
    again = data.pictures(place, 32)
    assert torch.equal(first.images, again.images)
    assert (again.titles, capsys.readouterr().out) == (first.titles, said)
    monkeypatch.setattr(folder, "pixels", work)
    before = (place / "1.png").stat()
    save(place / "1.png", GREEN)
    os.utime(place / "1.png", ns=(before.st_atime_ns, before.st_mtime_ns))  # by its content, not by its date
    assert colours(data.pictures(place, 32))[1] == GREEN
    assert data.pictures(place, 16).size == 16


def test_a_damaged_or_forbidden_cache_costs_time_only(place, tmp_path, monkeypatch):
    for k in range(2):
        save(place / f"{k}.png")
    data.pictures(place, 32)
    (kept,) = (tmp_path / "cache/gan_helpers/pictures").glob("*.pt")
    kept.write_bytes(b"damaged")
    assert len(data.pictures(place, 32)) == 2
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert len(data.pictures(place, 32)) == 2


def test_what_cannot_be_read_now_may_be_read_later(place, tmp_path, capsys):
    """A link that leads nowhere is left out, named, and not kept: the next call looks again."""
    for k in range(2):
        save(place / f"{k}.png")
    (place / "link.png").symlink_to(tmp_path / "later.png")
    assert len(data.pictures(place, 32)) == 2
    assert "1 broken or unreadable: link.png" in capsys.readouterr().out
    save(tmp_path / "later.png", GREEN)
    assert len(data.pictures(place, 32)) == 3


@pytest.mark.parametrize(("white", "dtype"), [(1.0, np.float32), (255.0, np.float32), (65535, np.uint16)])
def test_white_is_white_in_fractions_too(place, white, dtype):
    Image.fromarray(np.full((40, 40), white, dtype)).save(place / "a.tiff")
    Image.fromarray(np.full((40, 40), np.nan, np.float32)).save(place / "nan.tiff")
    save(place / "b.png", RED)
    assert colours(data.pictures(place, 32)) == [WHITE, RED]


def test_only_the_latest_are_kept(place, tmp_path, monkeypatch):
    monkeypatch.setattr(folder, "KEPT", 2)
    for k in range(2):
        save(place / f"{k}.png")
    for size in (8, 16, 24):
        data.pictures(place, size)
    assert len(list((tmp_path / "cache/gan_helpers/pictures").glob("*.pt"))) == 2


def test_images_know_their_shape_and_can_be_taken_apart():
    pixels = torch.arange(10, dtype=torch.uint8)[:, None, None, None].expand(-1, 3, 8, 8).clone()
    images = data.Images(pixels, torch.arange(10), "x", titles=tuple("abcdefghij"))
    assert (images.channels, images.size, images.dim) == (3, 8, 192)
    train, held_out = images.split(0.3, seed=1)
    assert sorted(train.titles + held_out.titles) == list("abcdefghij")
    assert (
        [ord(t) - ord("a") for t in held_out.titles] == held_out.labels.tolist() == held_out.images[:, 0, 0, 0].tolist()
    )
    assert torch.equal(images.split(3, seed=1)[1].images, held_out.images)
    for bad in (0, 10, 0.01, -1):
        with pytest.raises(ValueError, match="both sets need at least one"):
            images.split(bad)
    with pytest.raises(ValueError, match=r"uint8 tensor \(n, channels, size, size\), not float32 \(2, 3, 8, 8\)"):
        data.Images(torch.zeros(2, 3, 8, 8), None, "x")
    with pytest.raises(ValueError, match=r"labels of shape \(3,\) do not fit 2 images"):
        data.Images(pixels[:2], torch.zeros(3), "x")


# --- emoji


@pytest.fixture
def sheet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small sheet of emoji and its index in GAN_DATA, with their checksums."""
    here = tmp_path / "data/emoji"
    here.mkdir(parents=True)
    picture = Image.new("RGBA", (4 * 66, 66), (0, 0, 0, 0))
    places = {"Flags": RED, "Symbols": GREEN}
    index = []
    for x, (category, colour) in enumerate(places.items()):
        picture.paste(Image.new("RGBA", (64, 64), (*colour, 255)), (66 * x + 1, 1))
        index.append({"name": category.upper(), "category": category, "sheet_x": x, "sheet_y": 0, "sort_order": -x})
    index[0]["skin_variations"] = {"1F3FB": {"sheet_x": 2, "sheet_y": 0}}  # transparent there
    index.append({"name": "PATCH", "category": "Component", "sheet_x": 3, "sheet_y": 0, "sort_order": 9})
    picture.save(here / "64.png")
    (here / "emoji.json").write_text(json.dumps(index))
    files = [download.File(f.name, f"sha256:{hashlib.sha256((here / f.name).read_bytes()).hexdigest()}", ())
             for f in emojis.FILES]  # fmt: skip
    monkeypatch.setattr(emojis, "FILES", files)
    monkeypatch.setenv("GAN_DATA", str(tmp_path / "data"))
    return here


def test_emoji_are_cut_from_their_sheet_on_white_with_names_and_variants(sheet):
    images = data.emoji()
    assert (len(images), images.source, images.size) == (3, "emoji", 64)
    assert colours(images) == [GREEN, RED, WHITE]
    assert images.titles == ("symbols", "flags", "flags")
    assert [images.names[k] for k in images.labels] == ["Symbols", "Flags", "Flags"]
    flags = data.emoji(32, ["Flags"])
    assert (flags.names, flags.labels.tolist(), flags.size) == (("Flags",), [0, 0], 32)
    assert torch.equal(data.emoji(32, "Flags").images, flags.images)


def test_emoji_are_asked_for_by_their_categories(sheet):
    with pytest.raises(ValueError, match="unknown category 'Dogs': choose from Smileys & Emotion, People & Body"):
        data.emoji(categories=["Dogs"])
    with pytest.raises(ValueError, match="at least one of each"):
        data.emoji(categories=[])
    with pytest.raises(ValueError, match="size is 0"):
        data.emoji(0)


@pytest.mark.parametrize("broken", [False, True])
def test_coloured_digits_stand_in_for_emoji_and_say_so(sheet, broken, capsys, tmp_path):
    if broken:
        (sheet / "64.png").write_bytes(b"not the sheet")
    else:
        (sheet / "64.png").unlink()
    images = data.emoji(32)
    assert (images.source, images.images.shape) == ("digits8x8 in colour", (1500, 3, 32, 32))
    spread = images.images.float().std(1).amax((1, 2))
    assert (spread > 20).float().mean() > 0.7  # most are in colour
    said = capsys.readouterr().out
    assert "stand in for them" in said
    assert "emoji/64.png" in said
    with pytest.raises(FileNotFoundError, match=r"the emoji are not in '.*elsewhere'"):
        data.emoji(root=tmp_path / "elsewhere")


# --- digits in a stack, and CIFAR-10


def test_a_stack_shows_three_digits_and_its_label_names_them():
    single = data.digits()
    images = data.stacked_digits(50, seed=3)
    assert images.images.shape == (50, 3, 28, 28)
    for x, label in zip(images.images[:5], images.labels[:5].tolist(), strict=True):
        for channel, digit in zip(x, f"{label:03}", strict=True):
            same = (single.images[:, 0] == channel).flatten(1).all(1)
            assert single.labels[same].tolist()[:1] == [int(digit)]
    assert torch.equal(data.stacked_digits(50, seed=3).images, images.images)
    with pytest.raises(ValueError, match="n is 0"):
        data.stacked_digits(0)


def test_cifar_is_read_from_its_archive(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    folder_ = tmp_path / "data/CIFAR10"
    folder_.mkdir(parents=True)
    with tarfile.open(folder_ / cifar.ARCHIVE.name, "w:gz") as tar:
        for name in (*(f"data_batch_{i}" for i in range(1, 6)), "test_batch"):
            content = pickle.dumps({b"data": rng.integers(0, 256, (3, 3072), np.uint8), b"labels": [0, 9, 4]})
            info = tarfile.TarInfo(f"cifar-10-batches-py/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    monkeypatch.setenv("GAN_DATA", str(tmp_path / "data"))
    with pytest.raises(FileNotFoundError, match="CIFAR-10 is not on this machine"):
        data.cifar10()  # another checksum: nothing of it is read
    known = f"sha256:{hashlib.sha256((folder_ / cifar.ARCHIVE.name).read_bytes()).hexdigest()}"
    monkeypatch.setattr(cifar, "ARCHIVE", cifar.ARCHIVE._replace(known=known))
    assert data.cifar10().images.shape == (15, 3, 32, 32)
    test = data.cifar10(train=False, size=16)
    assert test.images.shape == (3, 3, 16, 16)
    assert [test.names[k] for k in test.labels] == ["airplane", "truck", "deer"]
