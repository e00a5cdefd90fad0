"""The features of the published FID: those of Inception, trained on photographs, where its weights are at hand.

Nothing here reaches the network unless you ask it to.
"""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import torch
from torch import Tensor

WEIGHTS = "weights-inception-2015-12-05-6726825d.pth"  # torch-fidelity's name for them
CHUNK = 32  # images at a time: each becomes 3 x 299 x 299 numbers


class UnavailableError(RuntimeError):
    """The package or its weights are not on this machine; the message says in one sentence what to do."""


def features(x: Tensor, *, download: bool = False) -> Tensor:
    """What Inception sees in grey images: `(n, 1, h, w)` in [-1, 1] to `(n, 2048)`, on the device of `x`.

    Needs the package torch-fidelity, and its weights in PyTorch's cache folder. Every image is scaled to 299 x 299 and
    repeated in three colours. With fewer than about 2,048 images the covariance of the features is singular.

    Args:
        download: fetch the weights (about 90 MB) where they are missing. Otherwise the network is never touched.

    Raises:
        UnavailableError: no package, no weights, or a download that failed.

    Sources: Szegedy et al. (2016) for the network; Heusel et al. (2017) for its use.
    """
    try:
        module = import_module("torch_fidelity.feature_extractor_inceptionv3")
    except ImportError:
        raise UnavailableError(
            "There is no Inception here: `pip install torch-fidelity`, then call this again with download=True."
        ) from None
    path = Path(torch.hub.get_dir()) / "checkpoints" / WEIGHTS
    if not path.exists() and not download:
        raise UnavailableError(
            f"torch-fidelity is installed, but its weights are not in {path.parent}: "
            "call this again with download=True."
        )
    try:
        weights = str(path) if path.exists() else None  # None: torch-fidelity downloads them
        make = module.FeatureExtractorInceptionV3
        net = make("inception-v3-compat", ["2048"], feature_extractor_weights_path=weights)
    except OSError as problem:
        raise UnavailableError(f"Inception's weights could not be read or downloaded: {problem}.") from problem
    net = net.to(x.device)
    with torch.no_grad():
        return torch.cat([net(as_photos(part))[0].flatten(1) for part in x.split(CHUNK)])


def as_photos(x: Tensor) -> Tensor:
    """Grey images in [-1, 1] as colour images of bytes: `(n, 1, h, w)` to `(n, 3, h, w)` uint8."""
    return ((x.clamp(-1, 1) + 1) * 127.5).round().to(torch.uint8).expand(-1, 3, -1, -1)
