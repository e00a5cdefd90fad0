"""How good are generated images? A classifier as a judge, and distances between what it sees."""

from gan_helpers.quality.distances import (
    CHUNK,
    all_distances,
    coverage,
    frechet,
    kid,
    kl,
    moments,
    nearest,
    precision_recall,
)
from gan_helpers.quality.judge import (
    CLASSES,
    Classifier,
    Judge,
    Quality,
    accuracy,
    as_images,
    class_shares,
    classifier_for,
    features,
    stacked_modes,
    train_classifier,
)
from gan_helpers.quality.patches import patch_distance

__all__ = [
    "CHUNK",
    "CLASSES",
    "Classifier",
    "Judge",
    "Quality",
    "accuracy",
    "all_distances",
    "as_images",
    "class_shares",
    "classifier_for",
    "coverage",
    "features",
    "frechet",
    "kid",
    "kl",
    "moments",
    "nearest",
    "patch_distance",
    "precision_recall",
    "stacked_modes",
    "train_classifier",
]
