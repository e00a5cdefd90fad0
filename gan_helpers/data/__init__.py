"""What a generator learns to imitate: targets with a known density, data of your own, and images of digits."""

from gan_helpers.data.densities import Boxes, Mixture, Path
from gan_helpers.data.download import DATASETS
from gan_helpers.data.images import Images, digits
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
    "DATASETS",
    "TARGETS",
    "Boxes",
    "Images",
    "Mixture",
    "Path",
    "Samples",
    "Source",
    "Target",
    "described",
    "digits",
    "gaussian",
    "grid",
    "line",
    "mixture",
    "ring",
    "spiral",
    "target",
    "two_pieces",
]
