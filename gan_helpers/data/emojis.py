"""Emoji: 3,781 colour pictures in nine categories, from one download; coloured digits stand in without a network."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gan_helpers import runtime
from gan_helpers.data import download
from gan_helpers.data.download import File
from gan_helpers.data.folder import opaque
from gan_helpers.data.handwritten import stand_in
from gan_helpers.data.images import Images, resize
from gan_helpers.data.notice import Notice, show

AT = "https://cdn.jsdelivr.net/npm/emoji-datasource-google@16.0.0"
FILES = (
    File(
        "64.png",
        "sha256:d84ade799c1905c8046c6446b14143aabe142a496bd47d27787c36769b0b87b4",
        [f"{AT}/img/google/sheets-256/64.png"],
    ),
    File(
        "emoji.json",
        "sha256:1d602e65be88772bf8cc368ce16b855d719eeddbafe128d471b80203f494d29f",
        [f"{AT}/emoji.json"],
    ),
)
SIDE, PITCH = 64, 66  # pixels of an emoji on the sheet, and from one to the next
CATEGORIES = (
    "Smileys & Emotion",
    "People & Body",
    "Animals & Nature",
    "Food & Drink",
    "Travel & Places",
    "Activities",
    "Objects",
    "Symbols",
    "Flags",
)


def emoji(
    size: int = 64,
    categories: Sequence[str] | None = None,
    *,
    root: str | os.PathLike[str] | None = None,
    flat: bool = False,
    device: str | torch.device = "cpu",
) -> Images:
    """Google's Noto emoji on white: colour pictures `(n, 3, size, size)`, labelled by category, each with its name.

    Looks in `root`, in the folder named by `GAN_DATA`, and in the cache folder for `emoji/64.png` and
    `emoji/emoji.json`; then downloads both (4.8 MB). Without them, and with no `root` asked for, coloured digits of 8 x
    8 pixels stand in for them, labelled 0 to 9, with a notice: see `source` of the result.

    Args:
        size: height and width; other sizes than 64 are scaled.
        categories: some of `CATEGORIES`; all nine by default. Labels number those that were asked for.

    Raises:
        ValueError: an unknown category or device, or a size below 1.
        FileNotFoundError: the files are nowhere, cannot be downloaded, and nothing may stand in for them.

    Sources: pictures Noto Emoji, Google, Apache 2.0 and OFL; sheet and index emoji-datasource 16.0.0, Cal Henderson,
    MIT. The five patches of skin colour that the index counts too are left out.
    """
    chosen = CATEGORIES if categories is None else tuple([categories] if isinstance(categories, str) else categories)
    if unknown := [name for name in chosen if name not in CATEGORIES]:
        raise ValueError(f"unknown category {unknown[0]!r}: choose from {', '.join(CATEGORIES)}")
    if size < 1 or not chosen:
        raise ValueError(f"size is {size} and there are {len(chosen)} categories: at least one of each is needed")
    where = runtime.device(str(device))
    try:
        folder = download.folder_with(FILES, "emoji", None if root is None else Path(root), "emoji")
    except download.UnavailableError as problem:
        if root is not None:
            raise FileNotFoundError(f"the emoji are not in {os.fspath(root)!r}, and {problem}") from None
        show(notice(str(problem)))
        images, labels = stand_in(train=True)
        names = tuple(map(str, range(10)))
        return Images(
            resize(coloured(images), size).to(where), labels.to(where), "digits8x8 in colour", flat, names=names
        )
    index = json.loads((folder / "emoji.json").read_text("utf-8"))
    found = [entry for entry in entries(index) if entry[0] in chosen]
    labels = torch.tensor([chosen.index(category) for category, *_ in found])
    sheet = on_white(folder / "64.png")
    tiles = torch.stack([sheet[:, y : y + SIDE, x : x + SIDE] for _, _, x, y in found])
    titles = tuple(title for _, title, *_ in found)
    return Images(resize(tiles, size).to(where), labels.to(where), "emoji", flat, names=chosen, titles=titles)


def entries(index: list[dict]) -> Iterator[tuple[str, str, int, int]]:
    """Category, name and place on the sheet, x and y in pixels, of every emoji, with its variants of skin colour."""
    for one in sorted(index, key=lambda one: one["sort_order"]):
        for variant in (one, *one.get("skin_variations", {}).values()):
            x, y = (PITCH * variant[axis] + 1 for axis in ("sheet_x", "sheet_y"))
            yield one["category"], (one["name"] or one["short_name"]).lower(), x, y


def on_white(path: Path) -> Tensor:
    """The sheet, transparent around the emoji, on white: `(3, height, width)` uint8."""
    with Image.open(path) as opened:
        sheet = opaque(opened, (255, 255, 255)).convert("RGB")
    return torch.from_numpy(np.asarray(sheet).transpose(2, 0, 1).copy())


def coloured(images: Tensor) -> Tensor:
    """Grey digits `(n, 1, h, w)` as ink of seven colours on white, `(n, 3, h, w)`."""
    inks = torch.tensor(
        [[216, 60, 50], [240, 150, 30], [60, 150, 70], [40, 120, 200], [120, 80, 180], [90, 60, 40], [30, 30, 30]]
    )
    ink = inks[torch.arange(len(images)) % len(inks)][:, :, None, None]  # (n, 3, 1, 1)
    share = images.float() / 255
    return (share * ink + (1 - share) * 255).round().to(torch.uint8)


def notice(reason: str) -> Notice:
    """What is said where coloured digits stand in for emoji."""
    return Notice(
        "Coloured digits stand in for emoji: why, and how to get them",
        f"The emoji are not on this machine, and {reason}. 1,500 small digits that scikit-learn ships, coloured, stand "
        "in for them: a generator learns them sooner, and numbers differ from those in the text. For the emoji, run "
        "this once with a network, or set GAN_DATA to a folder that holds emoji/64.png and emoji/emoji.json.",
    )
