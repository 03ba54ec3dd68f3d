"""vit-pytorch: models that hold others: pretraining, distillation, adapters, video, policies."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from benchmarks.corpus.binaries import stand_in
from benchmarks.corpus.case import Built, image
from benchmarks.corpus.vocabulary import filled

VOCABULARY: dict[str, Any] = {
    "image_size": 32,
    "patch_size": 8,
    "num_classes": 5,
    "dim": 24,
    "depth": 2,
    "heads": 2,
    "mlp_dim": 48,
    "dim_head": 12,
    "dropout": 0.1,
    "emb_dropout": 0.1,
    "cls_depth": 1,
    "frames": 4,
    "image_patch_size": 8,
    "frame_patch_size": 2,
}
PICTURE, VIDEO = (2, 3, 32, 32), (2, 3, 4, 32, 32)


def class_of(file: str, name: str) -> Callable[..., nn.Module]:
    stand_in()
    found: Callable[..., nn.Module] = getattr(importlib.import_module(f"vit_pytorch.{file}"), name)
    return found


def model_of(file: str, name: str, **options: Any) -> nn.Module:
    build = class_of(file, name)
    return build(**filled(build, VOCABULARY, options))


def _na_vit() -> Built:
    pictures = [[image(3, 32, 32), image(3, 16, 24)], [image(3, 24, 32)]]
    return Built(model_of("na_vit", "NaViT", token_dropout_prob=0.1), (pictures,))


def _na_vit_nested() -> Built:
    pictures = [image(3, 32, 32), image(3, 16, 24), image(3, 24, 32)]
    return Built(model_of("na_vit_nested_tensor", "NaViT", dropout=0.0), (pictures,))


def _mae() -> Built:
    model = class_of("mae", "MAE")(
        encoder=model_of("simple_vit", "SimpleViT"),
        masking_ratio=0.75,
        decoder_dim=24,
        decoder_depth=1,
    )
    return Built(model, (image(*PICTURE),))


def _simmim() -> Built:
    model = class_of("simmim", "SimMIM")(
        encoder=model_of("simple_vit", "SimpleViT"), masking_ratio=0.5
    )
    return Built(model, (image(*PICTURE),))


def _distill() -> Built:
    student = class_of("distill", "DistillableViT")(
        **filled(class_of("vit", "ViT"), VOCABULARY, {})
    )
    model = class_of("distill", "DistillWrapper")(
        student=student, teacher=model_of("simple_vit", "SimpleViT"), temperature=3, alpha=0.5
    )
    return Built(model, (image(*PICTURE), torch.randint(0, 5, (2,))))


def _dino() -> Built:
    model = class_of("dino", "Dino")(
        model_of("vit", "ViT"),
        image_size=32,
        hidden_layer="to_latent",
        projection_hidden_size=16,
        projection_layers=2,
        num_classes_K=32,
    )
    return Built(model, (image(*PICTURE),))


def _extractor() -> Built:
    return Built(class_of("extractor", "Extractor")(model_of("vit", "ViT")), (image(*PICTURE),))


def _recorder() -> Built:
    return Built(class_of("recorder", "Recorder")(model_of("vit", "ViT")), (image(*PICTURE),))


def _adapter() -> Built:
    model = class_of("learnable_memory_vit", "Adapter")(
        vit=model_of("learnable_memory_vit", "ViT"), num_classes=2, num_memories_per_layer=3
    )
    return Built(model, (image(*PICTURE),))


def _efficient() -> Built:
    from x_transformers import Encoder

    transformer = Encoder(dim=24, depth=2, heads=2, ff_glu=True, residual_attn=True)
    return Built(model_of("efficient", "ViT", transformer=transformer), (image(*PICTURE),))


def _na_vit_3d() -> Built:
    volumes = [torch.randn(3, 4, 16, 16), torch.randn(3, 2, 16, 24)]
    options = {"max_frames": 4, "patch_size": 8, "frame_patch_size": 2, "dropout": 0.0}
    return Built(model_of("na_vit_nested_tensor_3d", "NaViT", **options), (volumes,))


def _mp3() -> Built:
    model = class_of("mp3", "MP3")(vit=model_of("mp3", "ViT"), masking_ratio=0.75)
    return Built(model, (image(*PICTURE),))


def _lejepa() -> Built:
    options = {"projection_hidden_size": 16, "projection_layers": 2, "hidden_layer": "to_latent"}
    model = class_of("lejepa", "LeJEPA")(model_of("vit", "ViT"), image_size=32, **options)
    return Built(model, (image(*PICTURE),))


def _es_vit() -> Built:
    net = model_of("cvt", "CvT", s1_emb_dim=8, s2_emb_dim=16, s3_emb_dim=24, s3_depth=1)
    options = {"projection_hidden_size": 16, "projection_layers": 2, "num_classes_K": 32}
    model = class_of("es_vit", "EsViTTrainer")(net, image_size=64, hidden_layer="layers", **options)
    return Built(model, (image(2, 3, 64, 64),))


def _video_wrapper() -> Built:
    wrapper = class_of("accept_video_wrapper", "AcceptVideoWrapper")
    model = wrapper(model_of("vit", "ViT"), add_time_pos_emb=True, time_seq_len=4, dim_emb=5)
    return Built(model, (torch.randn(*VIDEO),))


_POLICY = {"dim": 24, "depth": 2, "heads": 2, "dim_head": 12, "mlp_dim": 48, "dim_action": 4}


def _vat() -> Built:
    model = class_of("vat", "VAT")(
        model_of("vat", "ViT"), num_tasks=3, dim_extra_token=5, action_chunk_len=3, **_POLICY
    )
    extra, tasks = torch.randn(2, 5), torch.tensor([0, 2])
    return Built(model, (image(2, 1, 3, 32, 32),), {"extra": extra, "tasks": tasks})


def _vaat() -> Built:
    ast = model_of("vaat", "AST", accept_spec=True, patch_size=8)
    model = class_of("vaat", "VAAT")(model_of("vaat", "ViT"), ast, action_chunk_len=3, **_POLICY)
    return Built(model, (image(2, 1, 3, 32, 32), torch.randn(2, 16, 32)))


def _vat_siglip() -> Built:
    siglip = {"image_size": 32, "patch_size": 8, "dim": 24, "depth": 2, "heads": 2, "mlp_dim": 48}
    options = {f"siglip_{name}": value for name, value in siglip.items()}
    model = class_of("vat_siglip", "SigLIPVAT")(action_chunk_len=3, **_POLICY, **options)
    return Built(model, (image(2, 1, 3, 32, 32),))


AROUND_OTHERS: dict[str, Callable[[], Built]] = {
    "na_vit": _na_vit,
    "na_vit_nested": _na_vit_nested,
    "na_vit_nested_3d": _na_vit_3d,
    "mae": _mae,
    "mp3": _mp3,
    "simmim": _simmim,
    "lejepa": _lejepa,
    "es_vit": _es_vit,
    "distill": _distill,
    "dino": _dino,
    "extractor": _extractor,
    "recorder": _recorder,
    "accept_video_wrapper": _video_wrapper,
    "vat": _vat,
    "vaat": _vaat,
    "vat_siglip": _vat_siglip,
    "learnable_memory_adapter": _adapter,
    "efficient_x_transformers": _efficient,
}
