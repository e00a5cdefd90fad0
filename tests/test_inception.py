"""Inception's features: a clear message where they cannot be had, and no network unless asked."""

import sys
from types import ModuleType
from typing import ClassVar
from urllib.error import URLError

import pytest
import torch

from gan_helpers.quality import inception

NAME = "torch_fidelity.feature_extractor_inceptionv3"


class FakeInception(torch.nn.Module):
    """Stands in for torch-fidelity's extractor: same arguments, same checks, other features."""

    made_with: ClassVar[list] = []
    offline: ClassVar[bool] = True

    def __init__(self, name, features_list, feature_extractor_weights_path=None):
        super().__init__()
        assert features_list == ["2048"]
        if feature_extractor_weights_path is None and FakeInception.offline:
            raise URLError("no network")
        self.made_with.append(feature_extractor_weights_path)

    def forward(self, x):
        assert x.dtype == torch.uint8
        assert x.shape[1] == 3
        return (x[:, 0].flatten(1)[:, :4].float(),)


@pytest.fixture
def installed(monkeypatch, tmp_path):
    """A machine with torch-fidelity, an empty cache folder, and no network; returns where the weights belong."""
    module = ModuleType(NAME)
    module.FeatureExtractorInceptionV3 = FakeInception
    monkeypatch.setitem(sys.modules, "torch_fidelity", ModuleType("torch_fidelity"))
    monkeypatch.setitem(sys.modules, NAME, module)
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(FakeInception, "made_with", [])
    monkeypatch.setattr(FakeInception, "offline", True)
    (tmp_path / "checkpoints").mkdir()
    return tmp_path / "checkpoints" / inception.WEIGHTS


def test_without_the_package_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "torch_fidelity", None)
    with pytest.raises(inception.UnavailableError, match="pip install torch-fidelity"):
        inception.features(torch.zeros(2, 1, 28, 28))


def test_without_weights_it_says_so_and_makes_no_network(installed):
    with pytest.raises(inception.UnavailableError, match="download=True"):
        inception.features(torch.zeros(2, 1, 28, 28))
    assert FakeInception.made_with == []


def test_a_failed_download_is_reported_as_unavailable(installed):
    with pytest.raises(inception.UnavailableError, match="no network"):
        inception.features(torch.zeros(2, 1, 28, 28), download=True)


def test_with_weights_in_the_cache_it_uses_them(installed):
    installed.touch()
    x = torch.linspace(-1, 1, 40 * 4).reshape(40, 1, 2, 2)  # more than one chunk
    seen = inception.features(x)
    assert FakeInception.made_with == [str(installed)]
    assert seen.shape == (40, 4)
    assert seen[0, 0] == 0
    assert seen[-1, -1] == 255


def test_a_download_is_left_to_the_package_when_asked_for(installed, monkeypatch):
    monkeypatch.setattr(FakeInception, "offline", False)
    assert inception.features(torch.zeros(2, 1, 28, 28), download=True).shape == (2, 4)
    assert FakeInception.made_with == [None]
