"""What PyTorch, in float64, says of one training step of each kind of student, for NetworkGradientTest.

    python3 make_gradients.py ../resources/io/abmesh/nn/training/gradients.json

Needs PyTorch (made with 1.13). Both sides fill every array from the same hash of its name and the element's index, so only results
are stored: losses, agreement, and per trained array the gradient's length and its products with two such arrays; per running
statistic one such product. Arrays carry abmesh's names, modules are standard ones of PyTorch.

A ReLU's input within rounding of zero would make the gradient a matter of luck (PyTorch's own float32 was then off by 3 % in
ResNet-20), so the images are those of the first number, "images" in the result, that keep every input this far from it: CLEAR.
"""

import json
import sys
import zlib

import numpy
import torch
from torch import nn
from torch.nn import functional

torch.set_default_dtype(torch.float64)
SAMPLES, CLASSES, SIDE, WIDER = 3, 5, 16, 8
MEAN, STD = (125.0, 123.0, 114.0), (63.0, 62.0, 67.0)
WEIGHTS = {"boundary": 0.1, "kd": 0.5, "crossEntropy": 0.5}
MARGIN, SCALE, TEMPERATURE = 1.0, 10.0, 3.0
CLEAR = 2e-5


def uniform(name, count):
    """Numbers in [-1, 1): splitmix64 of the CRC-32 of the name and the index."""
    with numpy.errstate(over="ignore"):
        x = numpy.uint64(zlib.crc32(name.encode())) << numpy.uint64(32)
        x = (x + numpy.arange(1, count + 1, dtype=numpy.uint64)) * numpy.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        x = x ^ (x >> numpy.uint64(31))
    return (x >> numpy.uint64(40)).astype(numpy.float64) / 2**23 - 1


nearest = [numpy.inf]


def relu(x):
    nearest[0] = min(nearest[0], x.detach().abs().min().item())
    return torch.relu(x)


def fill(name, parameter):
    shape = tuple(parameter.shape)
    values = uniform(name, parameter.numel()).astype(numpy.float64)
    if len(shape) == 4:
        values *= (6.0 / (shape[1] * shape[2] * shape[3])) ** 0.5
    elif len(shape) == 2 and not name.startswith("fc."):
        values *= (6.0 / shape[1]) ** 0.5
    elif len(shape) == 2:
        values *= 0.3
    elif name.endswith(".weight"):
        values = 1 + 0.3 * values
    else:
        values *= 0.3
    with torch.no_grad():
        parameter.copy_(torch.from_numpy(values.astype(numpy.float32).astype(numpy.float64)).view(shape))


def conv(i, o, k=3, stride=1, groups=1):
    return nn.Conv2d(i, o, k, stride, k // 2, groups=groups, bias=False)


class Wrn(nn.Module):
    """WRN-10-k as the authors' script has it."""

    def __init__(self, k):
        super().__init__()
        self.conv1 = conv(3, 16)
        self.blocks = nn.ModuleDict()
        i = 16
        for stage in (1, 2, 3):
            o, stride = 16 * k << (stage - 1), 1 if stage == 1 else 2
            block = nn.ModuleDict(
                {"bn1": nn.BatchNorm2d(i), "conv1": conv(i, o, 3, stride), "bn2": nn.BatchNorm2d(o), "conv2": conv(o, o)}
            )
            if i != o:
                block["convShortcut"] = conv(i, o, 1, stride)
            self.blocks[str(stage)] = block
            i = o
        self.bn1, self.fc = nn.BatchNorm2d(i), nn.Linear(i, CLASSES)

    def names(self):
        for name, value in self.named_parameters():
            yield name.replace("blocks.1.", "block1.layer.0.").replace("blocks.2.", "block2.layer.0.").replace(
                "blocks.3.", "block3.layer.0."
            ), value

    def forward(self, x):
        x, taps = self.conv1(x), []
        for block in self.blocks.values():
            normed = block["bn1"](x)
            taps.append(normed)
            a = relu(normed)
            main = block["conv2"](relu(block["bn2"](block["conv1"](a))))
            x = main + (block["convShortcut"](a) if "convShortcut" in block else x)
        last = self.bn1(x)
        return taps[1:] + [last], self.fc(relu(last).mean((2, 3)))


class ResNet(nn.Module):
    """ResNet-20 in CIFAR form (He et al., 2016, section 4.2) with projections where the shape changes."""

    def __init__(self):
        super().__init__()
        self.conv1, self.bn1 = conv(3, 16), nn.BatchNorm2d(16)
        i = 16
        for stage in (1, 2, 3):
            layers = nn.ModuleList()
            for layer in range(3):
                o, stride = 16 << (stage - 1), 2 if stage > 1 and layer == 0 else 1
                block = nn.ModuleDict(
                    {"conv1": conv(i, o, 3, stride), "bn1": nn.BatchNorm2d(o), "conv2": conv(o, o), "bn2": nn.BatchNorm2d(o)}
                )
                if i != o or stride > 1:
                    block["shortcut"] = nn.Sequential(conv(i, o, 1, stride), nn.BatchNorm2d(o))
                layers.append(block)
                i = o
            setattr(self, f"layer{stage}", layers)
        self.fc = nn.Linear(i, CLASSES)

    def names(self):
        return self.named_parameters()

    def forward(self, x):
        x, taps = relu(self.bn1(self.conv1(x))), []
        for stage in (self.layer1, self.layer2, self.layer3):
            for block in stage:
                main = block["bn2"](block["conv2"](relu(block["bn1"](block["conv1"](x)))))
                total = main + (block["shortcut"](x) if "shortcut" in block else x)
                x = relu(total)
            taps.append(total)
        return taps, self.fc(x.mean((2, 3)))


class MobileNet(nn.Module):
    """MobileNet v1 (Howard et al., 2017) for small images: the first two strides are 1."""

    LAYERS = [(64, 1), (128, 1), (128, 1), (256, 2), (256, 1), (512, 2)] + [(512, 1)] * 5 + [(1024, 2), (1024, 1)]

    def __init__(self, width):
        super().__init__()
        wide = lambda channels: max(8, int(channels * width / 8 + 0.5) * 8)
        i = wide(32)
        self.stem = nn.ModuleDict({"conv": conv(3, i), "bn": nn.BatchNorm2d(i)})
        self.layer = nn.ModuleList()
        for channels, stride in self.LAYERS:
            o = wide(channels)
            self.layer.append(
                nn.ModuleDict(
                    {
                        "depthwise": conv(i, i, 3, stride, i),
                        "bn1": nn.BatchNorm2d(i),
                        "pointwise": conv(i, o, 1),
                        "bn2": nn.BatchNorm2d(o),
                    }
                )
            )
            i = o
        self.fc = nn.Linear(i, CLASSES)

    def names(self):
        return self.named_parameters()

    def forward(self, x):
        ends = [self.stem["bn"](self.stem["conv"](x))]
        x = relu(ends[0])
        for block in self.layer:
            x = relu(block["bn1"](block["depthwise"](x)))
            x = block["bn2"](block["pointwise"](x))
            ends.append(x)
            x = relu(x)
        strided = [end for end, (_, stride) in zip(ends, self.LAYERS) if stride == 2]
        return (strided + [ends[-1]])[-4:], self.fc(x.mean((2, 3)))


class Mlp(nn.Module):
    """Linear, batch norm, ReLU, twice; abmesh has the same sums as convolutions of one position."""

    def __init__(self, first, second):
        super().__init__()
        self.layer = nn.ModuleList()
        for i, o in ((3 * SIDE * SIDE, first), (first, second)):
            self.layer.append(nn.ModuleDict({"linear": nn.Linear(i, o, bias=False), "bn": nn.BatchNorm1d(o)}))
        self.fc = nn.Linear(second, CLASSES)

    def names(self):
        return self.named_parameters()

    def forward(self, x):
        x, taps = x.flatten(1), []
        for block in self.layer:
            taps.append(block["bn"](block["linear"](x)))
            x = relu(taps[-1])
        return taps, self.fc(x)


class Connector(nn.Module):
    """Convolving behind a feature map, linear behind a dense tap."""

    def __init__(self, tap):
        super().__init__()
        i, o = tap.shape[1], tap.shape[1] + WIDER
        dense = tap.dim() == 2
        self.add_module("0", nn.Linear(i, o, bias=False) if dense else nn.Conv2d(i, o, 1, bias=False))
        self.add_module("1", nn.BatchNorm1d(o) if dense else nn.BatchNorm2d(o))

    def forward(self, x):
        return getattr(self, "1")(getattr(self, "0")(x))


def images(kind, number):
    pixels = numpy.floor((uniform(f"{kind}.images.{number}", SAMPLES * 3 * SIDE * SIDE) + 1) * 128)
    x = torch.from_numpy(pixels).view(SAMPLES, 3, SIDE, SIDE)
    return (x - torch.tensor(MEAN).view(1, 3, 1, 1)) / torch.tensor(STD).view(1, 3, 1, 1)


def clear(network, x):
    nearest[0] = numpy.inf
    network(x)
    return nearest[0] > CLEAR


def step(kind, network):
    for name, parameter in network.names():
        fill(name, parameter)
    number, x = 0, images(kind, 0)
    while not clear(network, x):
        number, x = number + 1, images(kind, number + 1)
    labels = torch.arange(SAMPLES) % CLASSES
    teacher = torch.from_numpy((2 * uniform(kind + ".logits", SAMPLES * CLASSES)).astype(numpy.float32)).double()
    teacher = teacher.view(SAMPLES, CLASSES)
    connectors = [Connector(tap) for tap in network(x)[0]]
    for module in network.modules():
        if isinstance(module, (nn.BatchNorm1d, nn.BatchNorm2d)):
            module.reset_running_stats()
    trained = dict(network.names())
    for i, connector in enumerate(connectors, 1):
        for name, parameter in connector.named_parameters():
            trained[f"connector.{i}.{name}"] = parameter
            fill(f"connector.{i}.{name}", parameter)
    taps, logits = network(x)
    boundary, agreement = 0.0, []
    for i, (tap, connector) in enumerate(zip(taps, connectors), 1):
        s = connector(tap)
        fires = torch.from_numpy(uniform(f"{kind}.boundary.{i}", s.numel()) > 0).view(s.shape)
        surrogate = torch.where(fires, torch.relu(MARGIN - s), torch.relu(MARGIN + s)).square()
        boundary = boundary + SCALE * surrogate.mean()
        agreement.append(((s > 0) == fires).double().mean().item())
    p = functional.softmax(teacher / TEMPERATURE, 1)
    kd = functional.kl_div(functional.log_softmax(logits / TEMPERATURE, 1), p, reduction="batchmean") * TEMPERATURE**2
    terms = {"boundary": boundary, "kd": kd, "crossEntropy": functional.cross_entropy(logits, labels)}
    terms = {name: WEIGHTS[name] * term for name, term in terms.items()}
    sum(terms.values()).backward()
    gradients = {}
    for name, parameter in trained.items():
        g = parameter.grad.flatten().numpy()
        gradients[name] = [float(numpy.linalg.norm(g))] + [float(g @ uniform(probe + name, g.size)) for probe in ("a.", "b.")]
    running = {}
    for module in [network] + connectors:
        prefix = "" if module is network else f"connector.{connectors.index(module) + 1}."
        for name, buffer in module.named_buffers():
            if name.endswith("running_mean") or name.endswith("running_var"):
                for stage in "123":
                    name = name.replace(f"blocks.{stage}.", f"block{stage}.layer.0.")
                running[prefix + name] = float(buffer.numpy() @ uniform("a." + prefix + name, buffer.numel()))
    return {
        "images": number,
        "terms": [terms[name].item() for name in WEIGHTS],
        "agreement": agreement,
        "gradients": gradients,
        "running": running,
    }


def main():
    kinds = {"wrn-10-1": Wrn(1), "resnet-20": ResNet(), "mobilenet-0.25": MobileNet(0.25), "mlp-24-12": Mlp(24, 12)}
    result = {kind: step(kind, network) for kind, network in kinds.items()}
    with open(sys.argv[1], "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")


main()
