"""Hugging Face transformers again: every head that a family has, called in every way it offers.

Some thousand cases; `--sample 60` draws from them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

import torch

from benchmarks.corpus.case import Built, Case, tokens
from benchmarks.corpus.transformers_cases import AUDIO, TEXT, TUNED, VISION, Tuned, model_and_inputs

_TEXT_HEADS = (
    "CausalLM",
    "MaskedLM",
    "Seq2SeqLM",
    "SequenceClassification",
    "TokenClassification",
    "QuestionAnswering",
    "MultipleChoice",
    "NextSentencePrediction",
    "PreTraining",
)
_VISION_HEADS = (
    "ImageClassification",
    "SemanticSegmentation",
    "ObjectDetection",
    "DepthEstimation",
    "MaskedImageModeling",
    "VideoClassification",
)
_AUDIO_HEADS = (
    "CTC",
    "AudioClassification",
    "AudioFrameClassification",
    "AudioXVector",
    "SpeechSeq2Seq",
)

# way of calling -> arguments of the call, and of the configuration
WAYS: dict[str, tuple[Mapping[str, Any], Mapping[str, Any]]] = {
    "plain": ({}, {}),
    "labels": ({}, {}),
    "padding": ({}, {}),
    "embeds": ({}, {}),
    "hidden": ({"output_hidden_states": True}, {}),
    "attentions": ({"output_attentions": True}, {"_attn_implementation": "eager"}),
    "eager": ({}, {"_attn_implementation": "eager"}),
    "cache": ({"use_cache": True}, {}),
    "tuple": ({"return_dict": False}, {}),
}
_OF_TEXT = ("padding", "embeds", "cache")


def cases() -> Iterator[Case]:
    for families, heads, ways in (
        (TEXT, _TEXT_HEADS, tuple(WAYS)),
        (VISION, _VISION_HEADS, tuple(way for way in WAYS if way not in _OF_TEXT)),
        (AUDIO, _AUDIO_HEADS, tuple(way for way in WAYS if way not in _OF_TEXT)),
    ):
        for family in sorted({*families.split(), *_tuned_for(heads)}):
            for head in ("", *(head for head in heads if family in _families_with(head))):
                for way in ways:
                    name = f"{family}:{head or 'Model'}:{way}"
                    if head or way != "labels":
                        yield Case("variants", name, partial(_build, family, head, way))


def _tuned_for(heads: tuple[str, ...]) -> set[str]:
    """Families with a configuration of their own that have one of these heads."""
    return {family for family in TUNED if any(family in _families_with(head) for head in heads)}


def _families_with(head: str) -> Mapping[str, Any]:
    from transformers.models.auto import modeling_auto

    words = "".join(f"_{letter}" if letter.isupper() else letter.upper() for letter in head)
    spelled = {
        "CausalLM": "_CAUSAL_LM",
        "MaskedLM": "_MASKED_LM",
        "Seq2SeqLM": "_SEQ_TO_SEQ_CAUSAL_LM",
        "CTC": "_CTC",
        "SpeechSeq2Seq": "_SPEECH_SEQ_2_SEQ",
        "AudioXVector": "_AUDIO_XVECTOR",
        "PreTraining": "_PRETRAINING",
    }.get(head, words.upper())
    names = {f"MODEL_FOR{spelled}_MAPPING_NAMES", f"MODEL{spelled}_MAPPING_NAMES"}
    if head == "PreTraining":
        names = {"MODEL_FOR_PRETRAINING_MAPPING_NAMES"}
    (name,) = names & set(vars(modeling_auto)) or {""}
    return getattr(modeling_auto, name, {})


def _build(family: str, head: str, way: str) -> Built:
    call, configured = WAYS[way]
    auto = f"AutoModelFor{head}" if head else "AutoModel"
    configured = (
        {**configured, "pad_token_id": 0} if head == "SequenceClassification" else configured
    )
    model, inputs = model_and_inputs(family, auto, TUNED.get(family, Tuned()), configured)
    if head == "MultipleChoice":
        inputs = {**inputs, "input_ids": tokens(2, 3, 9)}
    if way == "labels":
        inputs |= _labels(head, inputs, model.config.num_labels)
        if head in ("Seq2SeqLM", "SpeechSeq2Seq"):
            inputs.pop("decoder_input_ids", None)  # made from the labels
    elif way == "padding":
        ids = inputs["input_ids"]
        kept = torch.arange(ids.shape[-1]) < ids.shape[-1] - 3
        mask = torch.ones_like(ids)
        mask[-1] = kept.long()
        inputs["attention_mask"] = mask
    elif way == "embeds":
        ids = inputs.pop("input_ids")
        inputs["inputs_embeds"] = model.get_input_embeddings()(ids).detach()
    return Built(model, (), inputs | call)


def _labels(head: str, inputs: Mapping[str, Any], count: int) -> dict[str, Any]:
    """What a head is trained with."""
    first = next(iter(inputs.values()))
    if head in ("CausalLM", "MaskedLM"):
        return {"labels": inputs["input_ids"].clone()}
    if head in ("Seq2SeqLM", "SpeechSeq2Seq", "CTC"):
        return {"labels": tokens(2, 6, high=20)}
    if head == "QuestionAnswering":
        return {"start_positions": torch.tensor([0, 2]), "end_positions": torch.tensor([3, 4])}
    if head == "TokenClassification":
        return {"labels": tokens(2, 9, low=0, high=count)}
    if head == "SemanticSegmentation":
        return {"labels": tokens(2, *first.shape[2:], low=0, high=count)}
    if head == "ObjectDetection":
        boxes = torch.tensor([[0.4, 0.5, 0.2, 0.3], [0.6, 0.4, 0.3, 0.1]])
        return {"labels": [{"class_labels": torch.tensor([0, 1]), "boxes": boxes}] * 2}
    if head == "DepthEstimation":
        return {"labels": torch.rand(2, *first.shape[2:])}
    if head in ("PreTraining", "MaskedImageModeling", "AudioFrameClassification"):
        return {}
    return {"labels": torch.tensor([0, 1])}
