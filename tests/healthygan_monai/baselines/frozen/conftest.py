import pytest

from healthygan_monai.networks.backbones import make_backbone


@pytest.fixture(scope="module")
def backbone():
    return make_backbone("resnet18", "random")
