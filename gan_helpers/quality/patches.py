"""A distance between two sets of images that needs no labels and no network: do their small patches look alike?"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, unfold

SIZE = 7  # pixels of a patch's side
CHUNK = 32  # images at a time: each has thousands of patches, of which few are drawn
SMALLEST = 16  # pixels of the coarsest scale


def patch_distance(
    a: Tensor, b: Tensor, rng: torch.Generator, *, patches: int = 64, directions: int = 256
) -> dict[int, float]:
    """The sliced Wasserstein distance of patches of 7 x 7 pixels, for each scale: `{64: 0.03, 32: 0.02, 16: 0.04}`.

    An image is taken apart into scales, each half as large as the one before: what it shows finer than the next is the
    image less that next one, scaled up; the last, of 16 pixels or a little more, is what remains. From every scale of
    every image random patches are drawn; over all of them each channel gets mean 0 and variance 1. Along a random
    direction the patches of a set are numbers in a row, whose Wasserstein distance is a sort and a mean; the result is
    the mean over directions. A large value at a fine scale means a wrong texture, at a coarse one a wrong layout.

    For two draws of one set it is not 0 but a floor that falls with n: print it beside the score.

    Args:
        a, b: `(n, channels, h, h)` in [-1, 1], the same shape, n at least 2.
        patches: of each scale of an image.
        directions: random ones, unit vectors in the space of patches.

    Raises:
        ValueError: shapes that differ, or images smaller than a patch.

    Source: Karras et al. (2018), section 5, with a box filter for their Gaussian one.

    >>> x = torch.rand(8, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    >>> sorted(patch_distance(x, x, torch.Generator().manual_seed(0)))
    [16, 32]
    """
    if a.shape != b.shape or a.dim() != 4 or len(a) < 2 or a.shape[-1] < SIZE:
        raise ValueError(
            f"two sets of images of the same shape (n, channels, h, h) are needed, n at least 2 and h at least {SIZE}, "
            f"not {tuple(a.shape)} and {tuple(b.shape)}"
        )
    found = {}
    for fine_a, fine_b in zip(scales(a), scales(b), strict=True):
        where = torch.rand(len(a), patches, 2, generator=rng, device=rng.device).to(a.device)
        first, second = (normalised(drawn(x, where)) for x in (fine_a, fine_b))
        ways = torch.randn(first.shape[1], directions, generator=rng, device=rng.device).to(a.device)
        ways = ways / ways.norm(dim=0)
        gap = (first @ ways).sort(0).values - (second @ ways).sort(0).values
        found[fine_a.shape[-1]] = gap.abs().mean().item()
    return found


def scales(x: Tensor) -> list[Tensor]:
    """What an image shows at each scale and not at the next, the finest first: a Laplacian pyramid."""
    found = []
    while x.shape[-1] >= 2 * SMALLEST and x.shape[-1] % 2 == 0:
        coarse = avg_pool2d(x, 2)
        found.append(x - interpolate(coarse, scale_factor=2, mode="bilinear", align_corners=False))
        x = coarse
    return [*found, x]


def drawn(x: Tensor, where: Tensor) -> Tensor:
    """Patches of `(n, channels, h, h)` at places from 0 to 1, `(n, patches, 2)`: `(n, patches, channels, 49)`."""
    channels, side = x.shape[1], x.shape[-1] - SIZE + 1
    row, column = (where * side).long().clamp(max=side - 1).unbind(-1)  # (n, patches)
    found = []
    for part, index in zip(x.split(CHUNK), (row * side + column).split(CHUNK), strict=True):
        every = unfold(part, SIZE).reshape(len(part), channels, SIZE * SIZE, side * side)
        found.append(every.gather(3, index[:, None, None].expand(-1, channels, SIZE * SIZE, -1)).permute(0, 3, 1, 2))
    return torch.cat(found)


def normalised(patches: Tensor) -> Tensor:
    """Each channel with mean 0 and variance 1 over all patches, as rows: `(n * patches, channels * 49)`."""
    mean = patches.mean((0, 1, 3), keepdim=True)
    sd = patches.std((0, 1, 3), keepdim=True).clamp(min=1e-8)
    return ((patches - mean) / sd).flatten(0, 1).flatten(1)
