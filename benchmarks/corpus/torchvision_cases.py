"""torchvision: classifiers, segmentation, video, optical flow, detectors and their pieces."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from torch import nn

from benchmarks.corpus.binaries import stand_in
from benchmarks.corpus.case import Built, Case, image

CLASSIFIERS: dict[str, int] = {  # model -> side of the picture
    "alexnet": 64,
    "convnext_tiny": 32,
    "densenet121": 64,
    "efficientnet_b0": 64,
    "efficientnet_v2_s": 32,
    "googlenet": 64,
    "inception_v3": 75,
    "mnasnet0_5": 64,
    "mobilenet_v2": 64,
    "mobilenet_v3_small": 64,
    "regnet_x_400mf": 64,
    "regnet_y_400mf": 64,
    "resnet18": 64,
    "resnet50": 32,
    "resnext50_32x4d": 32,
    "wide_resnet50_2": 32,
    "shufflenet_v2_x0_5": 64,
    "squeezenet1_1": 64,
    "swin_t": 32,
    "swin_v2_t": 32,
}
SEGMENTERS = (
    "deeplabv3_mobilenet_v3_large",
    "deeplabv3_resnet50",
    "fcn_resnet50",
    "lraspp_mobilenet_v3_large",
)
VIDEO: dict[str, tuple[int, ...]] = {  # model -> shape of the clip
    "mc3_18": (1, 3, 4, 24, 24),
    "r2plus1d_18": (1, 3, 4, 24, 24),
    "r3d_18": (1, 3, 4, 24, 24),
    "s3d": (1, 3, 14, 224, 224),
    "swin3d_t": (1, 3, 4, 32, 32),
}
DETECTORS: dict[str, dict[str, Any]] = {
    "fcos_resnet50_fpn": {"min_size": 64, "max_size": 96},
    "retinanet_resnet50_fpn": {"min_size": 64, "max_size": 96},
    "ssdlite320_mobilenet_v3_large": {},
}


def cases() -> Iterator[Case]:
    for name, side in CLASSIFIERS.items():
        yield Case("torchvision", name, partial(_get, name, image_shape(side)))
    yield Case("torchvision", "vit_tiny", _vision_transformer)
    yield Case("torchvision", "maxvit_tiny", _maxvit)
    for name in SEGMENTERS:
        yield Case("torchvision", name, partial(_get, name, image_shape(32), weights_backbone=None))
    for name, shape in VIDEO.items():
        yield Case("torchvision", name, partial(_get, name, shape))
    yield Case("torchvision", "raft_small", _raft)
    for name, options in DETECTORS.items():
        yield Case("torchvision", name, partial(_detector, name, **options))
    yield Case("torchvision", "vgg_small", _vgg)
    yield Case("torchvision", "mvit_small", _mvit)
    yield Case("torchvision", "detection_backbone_fpn", _backbone)
    yield Case("torchvision", "detection_rpn_head", _rpn_head)
    yield Case("torchvision", "detection_retinanet_head", _retinanet_head)
    yield Case("torchvision", "detection_box_predictor", _box_predictor)


def image_shape(side: int) -> tuple[int, ...]:
    return (2, 3, side, side)


def _get(name: str, shape: tuple[int, ...], **options: Any) -> Built:
    stand_in()
    from torchvision.models import get_model

    if name in ("googlenet", "inception_v3"):
        options["init_weights"] = False
    return Built(get_model(name, weights=None, **options), (image(*shape),))


def _vision_transformer() -> Built:
    stand_in()
    from torchvision.models import VisionTransformer

    model = VisionTransformer(
        image_size=64, patch_size=16, num_layers=2, num_heads=3, hidden_dim=48, mlp_dim=96
    )
    return Built(model, (image(),))


def _maxvit() -> Built:
    stand_in()
    from torchvision.models import MaxVit

    model = MaxVit(
        input_size=(64, 64),
        stem_channels=16,
        partition_size=2,
        block_channels=[16, 32],
        block_layers=[1, 2],
        head_dim=8,
        stochastic_depth_prob=0.2,
    )
    return Built(model, (image(),))


def _raft() -> Built:
    stand_in()
    from torchvision.models.optical_flow import raft_small

    first, second = image(1, 3, 128, 128), image(1, 3, 128, 128)
    return Built(raft_small(), (first, second), {"num_flow_updates": 2})


def _detector(name: str, **options: Any) -> Built:
    stand_in()
    from torchvision.models import get_model

    model = get_model(name, weights=None, weights_backbone=None, num_classes=4, **options).eval()
    return Built(model, ([image(3, 64, 96)],))


def _backbone() -> Built:
    stand_in()
    from torchvision.models.detection.backbone_utils import resnet_fpn_backbone

    return Built(resnet_fpn_backbone(backbone_name="resnet18", weights=None), (image(),))


def _features(*sides: int) -> list[Any]:
    return [image(2, 32, side, side) for side in sides]


def _rpn_head() -> Built:
    stand_in()
    from torchvision.models.detection.rpn import RPNHead

    return Built(RPNHead(in_channels=32, num_anchors=3, conv_depth=2), (_features(16, 8),))


def _retinanet_head() -> Built:
    stand_in()
    from torchvision.models.detection.retinanet import RetinaNetHead

    head = RetinaNetHead(32, 9, 4, norm_layer=partial(nn.GroupNorm, 8))
    return Built(head, (_features(16, 8),))


def _box_predictor() -> Built:
    stand_in()
    from torchvision.models.detection.faster_rcnn import FastRCNNConvFCHead, FastRCNNPredictor

    head = FastRCNNConvFCHead((16, 7, 7), [16, 16], [32], norm_layer=nn.BatchNorm2d)
    return Built(nn.Sequential(head, FastRCNNPredictor(32, 4)), (image(3, 16, 7, 7),))


def _vgg() -> Built:
    stand_in()
    from torchvision.models.vgg import VGG, make_layers

    layers = make_layers([16, "M", 32, "M", 64, 64, "M", 64, 512, "M"], batch_norm=True)
    model = VGG(layers, num_classes=5)
    model.classifier = nn.Sequential(nn.Linear(512 * 7 * 7, 64), nn.ReLU(), nn.Linear(64, 5))
    return Built(model, (image(2, 3, 32, 32),))


def _mvit() -> Built:
    stand_in()
    from torchvision.models.video.mvit import MSBlockConfig, MViT

    def block(heads: int, channels: tuple[int, int], stride: int) -> MSBlockConfig:
        steps = [1, stride, stride]
        return MSBlockConfig(heads, *channels, [3, 3, 3], [3, 3, 3], steps, [1, 2, 2])

    settings = [block(1, (16, 32), 1), block(2, (32, 32), 2)]
    model = MViT(
        (32, 32),
        8,
        settings,
        residual_pool=True,
        residual_with_cls_embed=False,
        rel_pos_embed=True,
        proj_after_attn=True,
    )
    return Built(model, (image(1, 3, 8, 32, 32),))
