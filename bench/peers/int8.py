"""The teacher of boundary.py in eight bits: every convolution between QuantizeLinear and DequantizeLinear.

    python3 int8.py FILE   writes FILE, a model for `bench/run int8`; per-channel weights, per-tensor activations
"""

import sys

import torch
from torch import nn

from boundary import Wrn


class Quantized(nn.Module):
    """A convolution that sees its input and weights rounded to eight bits."""

    def __init__(self, conv):
        super().__init__()
        self.conv = conv
        scale = conv.weight.detach().abs().amax((1, 2, 3)) / 127
        self.register_buffer("scale", scale)
        self.register_buffer("zero", torch.zeros(len(scale), dtype=torch.int32))

    def forward(self, x):
        x = torch.fake_quantize_per_tensor_affine(x, 6.0 / 127, 0, -128, 127)
        w = torch.fake_quantize_per_channel_affine(self.conv.weight, self.scale, self.zero, 0, -128, 127)
        return nn.functional.conv2d(x, w, None, self.conv.stride, self.conv.padding)


def quantize(module):
    for name, child in module.named_children():
        if isinstance(child, nn.Conv2d):
            setattr(module, name, Quantized(child))
        else:
            quantize(child)


def main():
    torch.manual_seed(1)
    teacher = Wrn(22, 4).eval()
    quantize(teacher)
    torch.onnx.export(
        teacher,
        torch.zeros(1, 3, 32, 32),
        sys.argv[1],
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}},
        opset_version=13,
    )


main()
