"""torchaudio: its acoustic models, small."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial

import torch

from benchmarks.corpus.binaries import stand_in
from benchmarks.corpus.case import Built, Case, tokens

normal = torch.randn


def cases() -> Iterator[Case]:
    for name, build in _BUILDERS.items():
        yield Case("torchaudio", name, partial(_build, build))


def _build(build: Callable[[], Built]) -> Built:
    stand_in()
    return build()


def _conformer() -> Built:
    from torchaudio.models import Conformer

    model = Conformer(16, 4, 24, 2, depthwise_conv_kernel_size=5)
    return Built(model, (normal(2, 9, 16), torch.tensor([9, 7])))


def _conv_tasnet() -> Built:
    from torchaudio.models import ConvTasNet

    model = ConvTasNet(
        num_sources=2,
        enc_kernel_size=8,
        enc_num_feats=16,
        msk_num_feats=8,
        msk_num_hidden_feats=12,
        msk_num_layers=2,
        msk_num_stacks=2,
    )
    return Built(model, (normal(2, 1, 160),))


def _deepspeech() -> Built:
    from torchaudio.models import DeepSpeech

    return Built(DeepSpeech(12, n_hidden=16, n_class=7), (normal(2, 1, 9, 12),))


def _emformer() -> Built:
    from torchaudio.models import Emformer

    model = Emformer(16, 4, 24, 2, segment_length=4, right_context_length=1)
    return Built(model, (normal(2, 9, 16), torch.tensor([8, 6])))


def _hdemucs() -> Built:
    from torchaudio.models import HDemucs

    model = HDemucs(sources=["drums", "voice"], channels=8, nfft=256, depth=4)
    return Built(model, (normal(1, 2, 8192),))


def _squim() -> Built:
    from torchaudio.models import squim_objective_model

    model = squim_objective_model(
        feat_dim=16,
        win_len=16,
        d_model=16,
        nhead=2,
        hidden_dim=8,
        num_blocks=1,
        rnn_type="LSTM",
        chunk_size=7,
    )
    return Built(model, (normal(2, 320),))


def _tacotron2() -> Built:
    from torchaudio.models import Tacotron2

    model = Tacotron2(
        n_mels=8,
        n_symbol=20,
        symbol_embedding_dim=12,
        encoder_embedding_dim=12,
        decoder_rnn_dim=12,
        prenet_dim=8,
        attention_rnn_dim=12,
        attention_hidden_dim=8,
        attention_location_n_filter=4,
        attention_location_kernel_size=5,
        postnet_embedding_dim=12,
    )
    spectrogram = normal(2, 8, 6)
    lengths = torch.tensor([7, 5]), torch.tensor([6, 4])
    return Built(model, (tokens(2, 7, high=20, low=0), lengths[0], spectrogram, lengths[1]))


def _wav2letter() -> Built:
    from torchaudio.models import Wav2Letter

    return Built(
        Wav2Letter(num_classes=7, input_type="mfcc", num_features=13), (normal(2, 13, 40),)
    )


def _wav2vec2() -> Built:
    from torchaudio.models import wav2vec2_model

    model = wav2vec2_model(
        extractor_mode="group_norm",
        extractor_conv_layer_config=[(8, 10, 5), (8, 3, 2)],
        extractor_conv_bias=False,
        encoder_embed_dim=16,
        encoder_projection_dropout=0.1,
        encoder_pos_conv_kernel=8,
        encoder_pos_conv_groups=4,
        encoder_num_layers=2,
        encoder_num_heads=2,
        encoder_attention_dropout=0.1,
        encoder_ff_interm_features=24,
        encoder_ff_interm_dropout=0.1,
        encoder_dropout=0.1,
        encoder_layer_norm_first=False,
        encoder_layer_drop=0.0,
        aux_num_out=7,
    )
    return Built(model, (normal(2, 400),))


def _wavernn() -> Built:
    from torchaudio.models import WaveRNN

    model = WaveRNN(
        upsample_scales=[2, 2],
        n_classes=8,
        hop_length=4,
        n_res_block=2,
        n_rnn=12,
        n_fc=12,
        kernel_size=3,
        n_freq=6,
        n_hidden=8,
        n_output=8,
    )
    return Built(model, (normal(2, 1, 4 * 5), normal(2, 1, 6, 7)))


def _rnnt() -> Built:
    from torchaudio.models import emformer_rnnt_model

    model = emformer_rnnt_model(
        input_dim=8,
        encoding_dim=16,
        num_symbols=11,
        segment_length=4,
        right_context_length=0,
        time_reduction_input_dim=8,
        time_reduction_stride=2,
        transformer_num_heads=2,
        transformer_ffn_dim=16,
        transformer_num_layers=1,
        transformer_dropout=0.1,
        transformer_activation="gelu",
        transformer_left_context_length=4,
        transformer_max_memory_size=0,
        transformer_weight_init_scale_strategy="depthwise",
        transformer_tanh_on_mem=True,
        symbol_embedding_dim=8,
        num_lstm_layers=1,
        lstm_layer_norm=True,
        lstm_layer_norm_epsilon=1e-3,
        lstm_dropout=0.1,
    )
    lengths = torch.tensor([8, 6], dtype=torch.int32)
    targets = tokens(2, 4, high=11, low=0).int()
    return Built(
        model, (normal(2, 8, 8), lengths, targets, torch.tensor([4, 3], dtype=torch.int32))
    )


_BUILDERS: dict[str, Callable[[], Built]] = {
    "conformer": _conformer,
    "conv_tasnet": _conv_tasnet,
    "deepspeech": _deepspeech,
    "emformer": _emformer,
    "hdemucs": _hdemucs,
    "squim": _squim,
    "tacotron2": _tacotron2,
    "wav2letter": _wav2letter,
    "wav2vec2": _wav2vec2,
    "wavernn": _wavernn,
    "rnnt": _rnnt,
}
