"""A mask that is given to torch's transformer is used, though the example's happens to be causal."""

import pytest
import torch
from torch import nn

import unfoldify


class LanguageModel(nn.Module):
    def __init__(self, own: bool = False):
        super().__init__()
        self.embed = nn.Embedding(20, 16)
        layer = nn.TransformerEncoderLayer(16, 2, 24, batch_first=True)
        self.encoder = nn.TransformerEncoder(layer, 2)
        self.own = own

    def forward(self, tokens, mask=None):
        if self.own:
            mask = nn.Transformer.generate_square_subsequent_mask(tokens.shape[1])
        return self.encoder(self.embed(tokens), mask)


class Reader(nn.Module):
    def __init__(self):
        super().__init__()
        layer = nn.TransformerDecoderLayer(16, 2, 24, batch_first=True)
        self.decoder = nn.TransformerDecoder(layer, 1)

    def forward(self, x, memory, mask):
        return self.decoder(x, memory, tgt_mask=mask)


def causal(n):
    return nn.Transformer.generate_square_subsequent_mask(n)


def hiding(n, *columns):
    mask = torch.zeros(n, n)
    mask[:, list(columns)] = -torch.inf
    return mask


def same(model, result, *args):
    model.eval()
    result.module.eval()
    torch.testing.assert_close(result.module(*args), model(*args))


@pytest.mark.parametrize("n", [5, 8])
def test_another_mask_is_used(n):
    model = LanguageModel()
    result = unfoldify.unfoldify(model, (torch.randint(20, (2, 5)), causal(5)))
    assert not result.report.fixed_sizes
    for mask in (causal(n), hiding(n, 1, 3)):
        same(model, result, torch.randint(20, (3, n)), mask)


def test_the_decoder_uses_its_mask():
    model = Reader()
    example = torch.randn(2, 5, 16), torch.randn(2, 3, 16), causal(5)
    result = unfoldify.unfoldify(model, example)
    assert not result.report.fixed_sizes
    same(model, result, torch.randn(2, 4, 16), torch.randn(2, 6, 16), hiding(4, 0))


def test_a_mask_of_the_models_own_is_no_decision():
    model = LanguageModel(own=True)
    result = unfoldify.unfoldify(model, (torch.randint(20, (2, 5)),))
    assert not result.report.fixed_sizes
    same(model, result, torch.randint(20, (3, 7)))


def test_the_callers_word_counts():
    """No-op twin: where the caller says that a mask is causal, torch leaves the mask out, and so
    does the file.
    """

    class Told(LanguageModel):
        def forward(self, tokens, mask):
            return self.encoder(self.embed(tokens), mask, is_causal=True)

    result = unfoldify.unfoldify(Told(), (torch.randint(20, (2, 5)), causal(5)))
    assert "triu(1)" in result.source


def test_torch_asks_again_afterwards():
    detect = nn.modules.transformer._detect_is_causal_mask
    unfoldify.unfoldify(LanguageModel(), (torch.randint(20, (2, 5)), causal(5)))
    assert nn.modules.transformer._detect_is_causal_mask is detect
