"""A folder of pictures of any kind and size as one tensor of squares, kept for the next call."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageColor, ImageOps

from gan_helpers import runtime
from gan_helpers.data.download import cache
from gan_helpers.data.images import Images

KINDS = (".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff")
CROPS = ("centre", "pad", "stretch")
READER = "1"  # of the code that turns a file into pixels: another number, and what is kept is made anew
TOPS = {"I": (255,), "F": (1, 255)}  # what white may be in pictures of whole numbers and of fractions, if not 65,535
KEPT = 8  # folders whose pictures are kept, those used last
SHARE = 0.8  # of the memory that pictures may fill, while they are put together
BROKEN = "broken or unreadable"


class Unfit(Exception):
    """A file that gives no picture; the message says why, in a few words."""


def pictures(
    folder: str | os.PathLike[str],
    size: int = 64,
    channels: int = 3,
    *,
    crop: str = "centre",
    background: str = "white",
    smallest: int | None = None,
    flat: bool = False,
    device: str | torch.device = "cpu",
) -> Images:
    """Your own pictures: all that lie in a folder and below it (linked folders apart), as squares of one size.

    PNG, JPEG, WebP, GIF (its first frame), BMP and TIFF; grey or colour, palettes, transparency, 16 bits a channel. A
    photograph is turned as its EXIF data say. Files that give no picture are left out, counted and named. If every
    picture lies in one of several folders within `folder`, the name of that folder is its label.

    The result is kept in the cache folder (`~/.cache/gan_helpers`) and found there again as long as no file changes.

    Args:
        folder: where the pictures lie.
        size: height and width of the result.
        channels: 3 for colour, 1 for grey.
        crop: `"centre"` cuts a square from the middle, `"pad"` shows the whole picture on a square of the background,
            `"stretch"` distorts it to a square. All scale smoothly.
        background: what shines through transparent pixels, a colour by name or as `"#rrggbb"`.
        smallest: pictures whose side, in pixels, is shorter than this are left out; half of `size` by default, as
            enlarging them further gives a blur that D would learn.
        flat: batches as rows, for an MLP.

    Raises:
        FileNotFoundError, NotADirectoryError: there is no such folder, or it is a file.
        ValueError: fewer than two pictures, more than memory holds, or an argument that makes no sense.

    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     for name in ("red", "green"):
    ...         Image.new("RGB", (50, 40), name).save(f"{folder}/{name}.png")
    ...     pictures(folder, size=32).batch(slice(None))[:, :, 0, 0].tolist()
    [[-1.0, 0.003921627998352051, -1.0], [1.0, -1.0, -1.0]]
    """
    if size < 1 or channels not in (1, 3) or crop not in CROPS:
        raise ValueError(
            f"size is a whole number of pixels, channels 1 or 3, crop one of {', '.join(CROPS)}; "
            f"got size={size!r}, channels={channels!r}, crop={crop!r}"
        )
    try:
        ground = ImageColor.getrgb(background)[:3]
    except ValueError:
        raise ValueError(f"background is {background!r}: give a colour by name, or as '#rrggbb'") from None
    where, smallest = runtime.device(str(device)), size // 2 if smallest is None else smallest
    place = found_folder(folder)
    paths = list(files_below(place))
    names = [path.relative_to(place).as_posix() for path in paths]
    count = sum(path.suffix.lower() in KINDS for path in paths)
    for device_ in {where, torch.device("cpu")}:
        must_fit(2 * count * channels * size * size, device_, f"{count:,} pictures of {size} x {size} pixels")

    def read(path: Path) -> NDArray:
        return pixels(path.read_bytes(), size, channels, crop, ground, smallest)

    sums = in_threads(checksum, paths, "Reading")
    options = (READER, Image.__version__, size, channels, crop, ground, smallest)
    key = hashlib.sha256(repr((options, list(zip(names, sums, strict=True)))).encode()).hexdigest()[:24]
    kept = cache() / "pictures" / f"{key}.pt"
    state = recalled(kept)
    if state is None:
        made = in_threads(lambda path: _or_reason(read, path), paths, "Scaling pictures")
        good = [i for i, one in enumerate(made) if not isinstance(one, str)]
        shape = (0, channels, size, size)
        stack = np.stack([made[i] for i in good]) if good else np.empty(shape, np.uint8)
        unfit = [(names[i], one) for i, one in enumerate(made) if isinstance(one, str)]
        state = {"images": torch.from_numpy(stack), "names": [names[i] for i in good], "unfit": unfit}
        if not any(reason == BROKEN for _, reason in unfit):  # that may be the disk's fault, and pass
            remember(kept, state)
    tell(place, state, size)
    labels, classes = from_folders(state["names"])
    given = None if labels is None else labels.to(where)
    titles = tuple(state["names"])
    return Images(state["images"].to(where), given, place.name, flat, names=classes, titles=titles)


def found_folder(folder: str | os.PathLike[str]) -> Path:
    """The folder, or an error that says what to give instead."""
    place = Path(folder).expanduser().absolute()
    if place.is_dir():
        return place
    if place.suffix == ".zip" and place.exists():
        raise NotADirectoryError(
            f"{str(place)!r} is an archive: unpack it first, shutil.unpack_archive({str(place)!r}, 'pictures'), "
            "and give that folder"
        )
    if place.exists():
        raise NotADirectoryError(f"{str(place)!r} is a file: give the folder that holds your pictures")
    raise FileNotFoundError(f"there is no folder {str(place)!r}")


def checksum(path: Path) -> str:
    """Of the content of a picture's file; nothing for other files, and for one that cannot be read."""
    if path.suffix.lower() not in KINDS or not path.is_file():
        return ""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError:
        return ""


def files_below(place: Path) -> Iterator[Path]:
    """Every file in a folder and below it, in the order of names; nothing hidden, nor what a Mac adds to archives."""
    for top, folders, files in os.walk(place, onerror=_raise):
        folders[:] = sorted(name for name in folders if not name.startswith((".", "__MACOSX")))
        yield from (Path(top) / name for name in sorted(files) if not name.startswith("."))


def _raise(error: OSError) -> None:
    raise error


def pixels(
    content: bytes, size: int, channels: int, crop: str, ground: tuple[int, ...], smallest: int
) -> NDArray[np.uint8]:
    """A file's picture, `(channels, size, size)` uint8. Unfit: it is too small. What Pillow raises: it is broken."""
    with Image.open(io.BytesIO(content)) as opened:
        side = max(opened.size) if crop == "pad" else min(opened.size)
        if side < smallest:
            raise Unfit(f"smaller than {smallest} pixels")
        opened.draft("RGB", (2 * size, 2 * size))  # of a large JPEG: decodes no more than is needed
        picture = opaque(ImageOps.exif_transpose(opened), ground)
    picture = picture.convert("L" if channels == 1 else "RGB")
    to, smooth = (size, size), Image.Resampling.LANCZOS
    if crop == "centre":
        picture = ImageOps.fit(picture, to, smooth)
    elif crop == "pad":
        sheet = Image.new("RGB", to, ground).convert(picture.mode)
        small = ImageOps.contain(picture, to, smooth)
        sheet.paste(small, ((size - small.width) // 2, (size - small.height) // 2))
        picture = sheet
    else:
        picture = picture.resize(to, smooth)
    return np.asarray(picture).reshape(size, size, channels).transpose(2, 0, 1)


def opaque(picture: Image.Image, ground: tuple[int, ...]) -> Image.Image:
    """A picture of 8 bits a channel without transparency."""
    if picture.mode.startswith(("I", "F")):  # 16 bits a pixel, or more
        values = np.asarray(picture, float)
        if not np.isfinite(values).all():
            raise Unfit("of values that are not finite")
        top = next((top for top in TOPS[picture.mode[0]] if values.max() <= top), 65535)
        return Image.fromarray((np.clip(values / top, 0, 1) * 255).round().astype(np.uint8))
    if not picture.has_transparency_data:
        return picture
    layers = picture.convert("RGBA")
    return Image.alpha_composite(Image.new("RGBA", layers.size, (*ground, 255)), layers).convert("RGB")


def _or_reason(read: Callable[[Path], NDArray], path: Path) -> NDArray | str:
    """The pixels of a file, or why there are none."""
    if path.suffix.lower() not in KINDS:
        return f"no picture ({path.suffix or 'no suffix'})"
    if not path.is_file():  # a link that leads nowhere, a pipe
        return BROKEN
    try:
        return read(path)
    except Unfit as reason:
        return str(reason)
    except Exception:  # a damaged file makes Pillow raise almost anything
        return BROKEN


def in_threads(work: Callable, paths: Sequence[Path], desc: str) -> list:
    """`work` on every path, some at a time, in order, with a progress bar if that takes long."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(runtime.progress(pool.map(work, paths), total=len(paths), desc=desc))


def must_fit(wanted: int, device: torch.device, what: str) -> None:
    """ValueError if so many bytes are more than the device holds."""
    holds = memory(device)
    if wanted > SHARE * holds:
        raise ValueError(
            f"{what} take {wanted / 2**30:,.1f} GiB, and this machine's {device.type} has {holds / 2**30:,.1f}: "
            "choose a smaller size, or fewer pictures"
        )


def memory(device: torch.device) -> float:
    """Bytes of memory of a device; infinity where it cannot be known."""
    if device.type == "cuda":
        return float(torch.cuda.get_device_properties(device).total_memory)
    try:
        return float(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):  # Windows
        return float("inf")


def recalled(kept: Path) -> dict | None:
    """What an earlier call has kept, or None."""
    try:
        state = torch.load(kept, weights_only=True)
    except Exception:  # not there, cut short, or of another kind
        return None
    with suppress(OSError):  # a folder that may only be read
        kept.touch()
    return state if isinstance(state, dict) and {"images", "names", "unfit"} <= set(state) else None


def remember(kept: Path, state: dict) -> None:
    """Keep pictures for the next call, where the cache folder can be written to; the oldest of too many go."""
    partial = kept.with_name(f".{kept.name}.{os.getpid()}")
    try:
        kept.parent.mkdir(parents=True, exist_ok=True)
        if 2 * state["images"].numel() > shutil.disk_usage(kept.parent).free:
            return
        torch.save(state, partial)
        os.replace(partial, kept)
        for old in sorted(kept.parent.glob("*.pt"), key=lambda path: path.stat().st_mtime, reverse=True)[KEPT:]:
            old.unlink()
    except (OSError, RuntimeError):  # torch says RuntimeError where a file cannot be opened
        return
    finally:
        with suppress(OSError):
            partial.unlink(missing_ok=True)


def tell(place: Path, state: dict, size: int) -> None:
    """Print what was left out; ValueError where too little is left to learn from."""
    unfit, n = [tuple(pair) for pair in state["unfit"]], len(state["images"])
    groups = []
    for reason, count in Counter(reason for _, reason in unfit).most_common():
        those = [name for name, why in unfit if why == reason]
        groups.append(f"{count} {reason}: {', '.join(those[:3])}{', ...' if count > 3 else ''}")
    left_out = f"left out: {'; '.join(groups)}" if groups else ""
    if n < 2:
        hint = " (smallest=0 takes pictures of any size)" if "smaller than" in left_out else ""
        what = ("it holds no file", f"a GAN needs more than one picture; {left_out}")[bool(unfit) or n > 0]
        raise ValueError(f"the folder {str(place)!r} gives {n} picture{'s' * (n != 1)}: {what.rstrip('; ')}{hint}")
    if left_out:
        line = f"{place.name}: {n:,} pictures of {size} x {size}; {left_out}"
        try:
            print(line)
        except UnicodeEncodeError:  # a console that cannot show a name shows its codes
            print(ascii(line)[1:-1])


def from_folders(names: Sequence[str]) -> tuple[torch.Tensor | None, tuple[str, ...]]:
    """Labels `(n,)` and what they stand for, from the folders that pictures lie in; None unless there are several."""
    tops = [name.partition("/")[0] if "/" in name else "" for name in names]
    classes = tuple(sorted(set(tops)))
    if len(classes) < 2 or "" in classes:
        return None, ()
    return torch.tensor([classes.index(top) for top in tops]), classes
