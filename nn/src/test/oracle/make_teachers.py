"""Makes the small ONNX teachers of the tests of io.abmesh.nn.teacher, and what PyTorch says of one of them.

    python3 make_teachers.py ../resources/io/abmesh/nn/teacher

Needs PyTorch (made with 1.13). Weights are random with a fixed seed; batch norm has random statistics, so that nothing hides.
`wrn.bin` holds, little-endian: five images uint8 [5, 3, 16, 16]; float32 taps [5, 4, 16, 16], [5, 8, 8, 8], [5, 16, 4, 4] and
logits [5, 10], of (pixel - mean) / std with the mean and std below. `mlp.bin` and `vit.bin` hold five images uint8 [5, 1, 8, 8] and,
of the pixels as they are, the dense taps ([5, 12] and [5, 6]; [5, 8]) and logits [5, 7].
"""

import sys
from pathlib import Path

import numpy
import torch
from torch import nn

MEAN = torch.tensor([125.3, 123.0, 113.9]).view(1, 3, 1, 1)
STD = torch.tensor([63.0, 62.1, 66.7]).view(1, 3, 1, 1)


def conv(i, o, k=3, stride=1, groups=1):
    return nn.Conv2d(i, o, k, stride, k // 2, groups=groups, bias=False)


class PreActivationBlock(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.bn1, self.conv1 = nn.BatchNorm2d(i), conv(i, o, 3, stride)
        self.bn2, self.conv2 = nn.BatchNorm2d(o), conv(o, o)
        self.relu1, self.relu2 = nn.ReLU(), nn.ReLU()
        self.shortcut = conv(i, o, 1, stride) if i != o or stride != 1 else None

    def forward(self, x):
        out = self.relu1(self.bn1(x))
        short = x if self.shortcut is None else self.shortcut(out)
        return self.conv2(self.relu2(self.bn2(self.conv1(out)))) + short


class Wrn(nn.Module):
    """Pre-activation: a stage ends at the batch norm in front of the next block's first ReLU."""

    def __init__(self):
        super().__init__()
        self.conv1 = conv(3, 4)
        self.block1, self.block2 = PreActivationBlock(4, 4, 1), PreActivationBlock(4, 8, 2)
        self.block3 = PreActivationBlock(8, 16, 2)
        self.bn, self.relu, self.fc = nn.BatchNorm2d(16), nn.ReLU(), nn.Linear(16, 10)

    def forward(self, x):
        x = self.block3(self.block2(self.block1(self.conv1(x))))
        return self.fc(self.relu(self.bn(x)).mean((2, 3)))


class Bottleneck(nn.Module):
    """The stride is in the 3x3 convolution, so the first ReLU of a stage still runs at the old resolution."""

    def __init__(self, i, o, stride):
        super().__init__()
        self.a = nn.Sequential(conv(i, o // 2, 1), nn.BatchNorm2d(o // 2))
        self.b = nn.Sequential(conv(o // 2, o // 2, 3, stride), nn.BatchNorm2d(o // 2))
        self.c = nn.Sequential(conv(o // 2, o, 1), nn.BatchNorm2d(o))
        self.short = nn.Sequential(conv(i, o, 1, stride), nn.BatchNorm2d(o))
        self.relu1, self.relu2, self.relu3 = nn.ReLU(), nn.ReLU(), nn.ReLU()

    def forward(self, x):
        return self.relu3(self.c(self.relu2(self.b(self.relu1(self.a(x))))) + self.short(x))


class ResNet(nn.Module):
    """A strided stem with pooling, then four stages."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(conv(3, 4, 7, 2), nn.BatchNorm2d(4))
        self.relu, self.pool = nn.ReLU(), nn.MaxPool2d(3, 2, 1)
        self.stage1, self.stage2 = Bottleneck(4, 8, 1), Bottleneck(8, 16, 2)
        self.stage3, self.stage4 = Bottleneck(16, 16, 2), Bottleneck(16, 16, 2)
        self.fc = nn.Linear(16, 7)

    def forward(self, x):
        x = self.stage2(self.stage1(self.pool(self.relu(self.stem(x)))))
        return torch.softmax(self.fc(self.stage4(self.stage3(x)).mean((2, 3))), 1)


class MobileNetV2(nn.Module):
    """Linear bottlenecks with ReLU6, a squeeze-and-excitation gate, swish and hard swish."""

    def __init__(self):
        super().__init__()
        self.stem, self.stem_act = nn.Sequential(conv(3, 4, 3, 2), nn.BatchNorm2d(4)), nn.Hardswish()
        self.expand1, self.act1 = nn.Sequential(conv(4, 8, 1), nn.BatchNorm2d(8)), nn.ReLU6()
        self.depth1, self.act2 = nn.Sequential(conv(8, 8, 3, 2, 8), nn.BatchNorm2d(8)), nn.ReLU6()
        self.project1 = nn.Sequential(conv(8, 4, 1), nn.BatchNorm2d(4))
        self.expand2, self.act3 = nn.Sequential(conv(4, 8, 1), nn.BatchNorm2d(8)), nn.ReLU6()
        self.depth2, self.act4 = nn.Sequential(conv(8, 8, 3, 1, 8), nn.BatchNorm2d(8)), nn.SiLU()
        self.squeeze, self.squeeze_act, self.excite = nn.Conv2d(8, 2, 1), nn.ReLU(), nn.Conv2d(2, 8, 1)
        self.project2 = nn.Sequential(conv(8, 4, 1), nn.BatchNorm2d(4))
        self.expand3, self.act5 = nn.Sequential(conv(4, 8, 1), nn.BatchNorm2d(8)), nn.ReLU6()
        self.depth3, self.act6 = nn.Sequential(conv(8, 8, 3, 2, 8), nn.BatchNorm2d(8)), nn.ReLU6()
        self.last, self.last_act = nn.Sequential(conv(8, 12, 1), nn.BatchNorm2d(12)), nn.ReLU6()
        self.fc = nn.Linear(12, 7)

    def forward(self, x):
        x = self.stem_act(self.stem(x))
        x = self.project1(self.act2(self.depth1(self.act1(self.expand1(x)))))
        y = self.act4(self.depth2(self.act3(self.expand2(x))))
        y = y * torch.sigmoid(self.excite(self.squeeze_act(self.squeeze(y.mean((2, 3), keepdim=True)))))
        x = x + self.project2(y)
        x = self.last_act(self.last(self.act6(self.depth3(self.act5(self.expand3(x))))))
        return self.fc(x.mean((2, 3)))


class Vgg(nn.Module):
    """Plain stages, a dense ReLU, and one batch size and image size only."""

    def __init__(self):
        super().__init__()
        layers = []
        for i, o in ((1, 4), (4, 6), (6, 8)):
            layers += [nn.Conv2d(i, o, 3, 1, 1), nn.ReLU(), nn.Conv2d(o, o, 3, 1, 1), nn.LeakyReLU(), nn.MaxPool2d(2)]
        self.features = nn.Sequential(*layers)
        self.head = nn.Sequential(nn.Linear(8, 12), nn.ReLU(), nn.Linear(12, 5))

    def forward(self, x):
        return self.head(self.features(x).flatten(1))


class Mlp(nn.Module):
    """No feature maps; the first activation follows a batch norm, the second a linear layer."""

    def __init__(self):
        super().__init__()
        self.first, self.bn, self.relu1 = nn.Linear(64, 12), nn.BatchNorm1d(12), nn.ReLU()
        self.second, self.relu2, self.head = nn.Linear(12, 6), nn.ReLU(), nn.Linear(6, 7)

    def forward(self, x):
        return self.head(self.relu2(self.second(self.relu1(self.bn(self.first(x.flatten(1) / 255))))))


class Vit(nn.Module):
    """A vision transformer of one block: patches, a class token, and a classifier that reads that token behind a layer norm."""

    def __init__(self):
        super().__init__()
        self.patches = nn.Conv2d(1, 8, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.places = nn.Parameter(torch.randn(1, 5, 8))
        self.norm1, self.qkv, self.out = nn.LayerNorm(8), nn.Linear(8, 24), nn.Linear(8, 8)
        self.norm2, self.wide, self.narrow = nn.LayerNorm(8), nn.Linear(8, 16), nn.Linear(16, 8)
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 7)
        nn.init.normal_(self.norm.weight, 1, 0.2)
        nn.init.normal_(self.norm.bias, 0, 0.2)

    def forward(self, x):
        x = self.patches(x / 255).flatten(2).transpose(1, 2)
        x = torch.cat([self.token.expand(x.shape[0], -1, -1), x], 1) + self.places
        q, k, v = self.qkv(self.norm1(x)).chunk(3, 2)
        x = x + self.out(torch.softmax(q @ k.transpose(1, 2) / 8**0.5, 2) @ v)
        x = x + self.narrow(nn.functional.gelu(self.wide(self.norm2(x))))
        return self.head(self.norm(x)[:, 0])


def seeded(network):
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            nn.init.normal_(module.weight, 1, 0.2)
            nn.init.normal_(module.bias, 0, 0.2)
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 1.5)
    return network.eval()


def export(network, path, shape, batch=True, size=False):
    free = {0: "N"} if batch else {}
    if size:
        free |= {2: "H", 3: "W"}
    torch.onnx.export(
        network, torch.zeros(shape), path, opset_version=13, input_names=["image"], output_names=["logits"],
        dynamic_axes={"image": free, "logits": {0: "N"}} if free else None)


def main(folder):
    torch.manual_seed(20261124)
    wrn = seeded(Wrn())
    export(wrn, folder / "wrn.onnx", (1, 3, 16, 16))
    export(seeded(ResNet()), folder / "resnet.onnx", (1, 3, 64, 64), size=True)
    export(seeded(MobileNetV2()), folder / "mobilenetv2.onnx", (1, 3, 32, 32))
    export(seeded(Vgg()), folder / "vgg.onnx", (4, 1, 8, 8), batch=False)

    images = torch.randint(0, 256, (5, 3, 16, 16), dtype=torch.uint8)
    taps = []
    for module in (wrn.block2.bn1, wrn.block3.bn1, wrn.bn):
        module.register_forward_hook(lambda m, i, out: taps.append(out))
    with torch.no_grad():
        logits = wrn((images - MEAN) / STD)
    with open(folder / "wrn.bin", "wb") as file:
        file.write(images.numpy().tobytes())
        for tensor in (*taps, logits):
            file.write(tensor.numpy().astype(numpy.dtype("<f4")).tobytes())
    dense(folder / "mlp", seeded(Mlp()), ("relu1", "relu2"))
    dense(folder / "vit", Vit().eval(), ("head",))


def dense(path, network, taps):
    """A model, and what enters the modules named `taps`."""
    export(network, path.with_suffix(".onnx"), (1, 1, 8, 8))
    images = torch.randint(0, 256, (5, 1, 8, 8), dtype=torch.uint8)
    found = []
    for name in taps:
        getattr(network, name).register_forward_pre_hook(lambda m, entered: found.append(entered[0]))
    with torch.no_grad():
        logits = network(images.float())
    with open(path.with_suffix(".bin"), "wb") as file:
        file.write(images.numpy().tobytes())
        for tensor in (*found, logits):
            file.write(tensor.numpy().astype(numpy.dtype("<f4")).tobytes())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
