"""segmentation-models-pytorch: every decoder, and encoders of each kind under the U-Net."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

from benchmarks.corpus.binaries import stand_in
from benchmarks.corpus.case import Built, Case, image

DECODERS: dict[str, dict[str, Any]] = {
    "Unet": {},
    "UnetPlusPlus": {},
    "MAnet": {},
    "Linknet": {},
    "FPN": {},
    "PSPNet": {},
    "DeepLabV3": {},
    "DeepLabV3Plus": {},
    "PAN": {},
    "UPerNet": {},
    "Segformer": {},
    "DPT": {"encoder_name": "tu-vit_tiny_patch16_224", "dynamic_img_size": True},
}
ENCODERS = (
    "densenet121",
    "dpn68",
    "efficientnet-b0",
    "inceptionv4",
    "mit_b0",
    "mobilenet_v2",
    "mobileone_s0",
    "resnext50_32x4d",
    "se_resnet50",
    "timm-efficientnet-b0",
    "timm-skresnet18",
    "vgg11_bn",
    "xception",
    "tu-regnetx_002",
)
_UNET: dict[str, dict[str, Any]] = {
    "unet_scse": {"decoder_attention_type": "scse"},
    "unet_aux_classifier": {"aux_params": {"classes": 4, "pooling": "avg", "dropout": 0.2}},
    "unet_transposed": {"decoder_interpolation": "bilinear"},
    "unet_depth_3": {"encoder_depth": 3, "decoder_channels": (32, 16, 8)},
}


def cases() -> Iterator[Case]:
    for name, options in DECODERS.items():
        yield Case("smp", name.lower(), partial(_build, name, **options))
    for encoder in ENCODERS:
        yield Case("smp", f"unet_{encoder}", partial(_build, "Unet", encoder_name=encoder))
    for name, options in _UNET.items():
        yield Case("smp", name, partial(_build, "Unet", **options))


def _build(name: str, encoder_name: str = "resnet18", **options: Any) -> Built:
    stand_in()
    import segmentation_models_pytorch as smp

    model = getattr(smp, name)(encoder_name, encoder_weights=None, classes=3, **options)
    side = {"PAN": 128, "DPT": 64}.get(name, 32)
    return Built(model, (image(2, 3, side, side),))
