"""What a generator learns to imitate: targets with a known density, digits, emoji, and pictures of your own."""

from gan_helpers.data.cifar import cifar10
from gan_helpers.data.densities import Boxes, Mixture, Path
from gan_helpers.data.download import DATASETS
from gan_helpers.data.emojis import CATEGORIES, emoji
from gan_helpers.data.folder import pictures
from gan_helpers.data.handwritten import digits, stacked_digits
from gan_helpers.data.images import Images, side_by_side
from gan_helpers.data.targets import (
    TARGETS,
    Samples,
    Source,
    Target,
    described,
    gaussian,
    grid,
    line,
    mixture,
    ring,
    spiral,
    target,
    two_pieces,
)

__all__ = [
    "CATEGORIES",
    "DATASETS",
    "TARGETS",
    "Boxes",
    "Images",
    "Mixture",
    "Path",
    "Samples",
    "Source",
    "Target",
    "cifar10",
    "described",
    "digits",
    "emoji",
    "gaussian",
    "grid",
    "line",
    "mixture",
    "pictures",
    "ring",
    "side_by_side",
    "spiral",
    "stacked_digits",
    "target",
    "two_pieces",
]
