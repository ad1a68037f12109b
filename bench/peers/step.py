"""The training step of StudentStep in PyTorch: images a second of the median step.

    python3 step.py NETWORK BATCH STEPS contiguous|channels_last
"""

import sys
import time

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(i), nn.BatchNorm2d(o)
        self.conv1 = nn.Conv2d(i, o, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(o, o, 3, 1, 1, bias=False)
        self.shortcut = None if i == o else nn.Conv2d(i, o, 1, stride, bias=False)

    def forward(self, x):
        a = functional.relu(self.bn1(x), inplace=True)
        main = self.conv2(functional.relu(self.bn2(self.conv1(a)), inplace=True))
        return main + (x if self.shortcut is None else self.shortcut(a))


def wrn(depth, k):
    layers, i = [nn.Conv2d(3, 16, 3, 1, 1, bias=False)], 16
    for stage in range(3):
        o = 16 * k << stage
        for layer in range((depth - 4) // 6):
            layers.append(Block(i, o, 2 if stage and not layer else 1))
            i = o
    return nn.Sequential(*layers, nn.BatchNorm2d(i), nn.ReLU(True), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(i, 10))


def main():
    _, depth, k = sys.argv[1].split("-")
    batch, steps = int(sys.argv[2]), int(sys.argv[3])
    layout = torch.channels_last if sys.argv[4] == "channels_last" else torch.contiguous_format
    model = wrn(int(depth), int(k)).train().to(memory_format=layout)
    x = torch.randn(batch, 3, 32, 32).contiguous(memory_format=layout)
    y = torch.randint(10, (batch,))
    optimizer = torch.optim.SGD(model.parameters(), 0.01, momentum=0.9, weight_decay=5e-4, nesterov=True)
    times = []
    for step in range(-15, steps):
        start = time.perf_counter()
        optimizer.zero_grad(set_to_none=True)
        functional.cross_entropy(model(x), y).backward()
        optimizer.step()
        if step >= 0:
            times.append(time.perf_counter() - start)
    print(f"{batch / sorted(times)[steps // 2]:.1f}")


main()
