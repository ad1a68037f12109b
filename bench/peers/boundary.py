"""The boundary phase of bench/plans/boundary-wide.yaml written in PyTorch: WRN-22-4 teacher, WRN-16-2 student, batch 64.

    python3 boundary.py prepare DIR            the teacher as DIR/teacher.onnx and random images in CIFAR-10's form
    python3 boundary.py run DIR STEPS LAYOUT   images a second; LAYOUT is contiguous or channels_last

The teacher's weights are random with a fixed seed: speed does not depend on them.
"""

import sys
import time
from pathlib import Path

import numpy
import torch
from torch import nn
from torch.nn import functional

IMAGES_PER_FILE, BATCH = 512, 64


class Block(nn.Module):
    def __init__(self, i, o, stride):
        super().__init__()
        self.bn1, self.bn2 = nn.BatchNorm2d(i), nn.BatchNorm2d(o)
        self.conv1 = nn.Conv2d(i, o, 3, stride, 1, bias=False)
        self.conv2 = nn.Conv2d(o, o, 3, 1, 1, bias=False)
        self.shortcut = None if i == o else nn.Conv2d(i, o, 1, stride, bias=False)

    def forward(self, x):
        self.tap = self.bn1(x)
        a = functional.relu(self.tap)
        main = self.conv2(functional.relu(self.bn2(self.conv1(a)), inplace=True))
        return main + (x if self.shortcut is None else self.shortcut(a))


class Wrn(nn.Module):
    def __init__(self, depth, k):
        super().__init__()
        self.conv1, self.stages, i = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.ModuleList(), 16
        for stage in range(3):
            o, blocks = 16 * k << stage, []
            for layer in range((depth - 4) // 6):
                blocks.append(Block(i, o, 2 if stage and not layer else 1))
                i = o
            self.stages.append(nn.Sequential(*blocks))
        self.bn1, self.fc = nn.BatchNorm2d(i), nn.Linear(i, 10)

    def taps(self, x):
        x = self.stages[2](self.stages[1](self.stages[0](self.conv1(x))))
        last = self.bn1(x)
        return [self.stages[1][0].tap, self.stages[2][0].tap, last]

    def forward(self, x):
        return self.fc(functional.relu(self.taps(x)[-1]).mean((2, 3)))


def prepare(folder):
    torch.manual_seed(1)
    folder.mkdir(parents=True, exist_ok=True)
    teacher = Wrn(22, 4).eval()
    torch.onnx.export(
        teacher,
        torch.zeros(1, 3, 32, 32),
        folder / "teacher.onnx",
        input_names=["image"],
        output_names=["logits"],
        dynamic_axes={"image": {0: "n"}, "logits": {0: "n"}},
        opset_version=13,
    )
    generator = numpy.random.default_rng(1)
    for name in [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]:
        records = generator.integers(0, 256, (IMAGES_PER_FILE, 3073), numpy.uint8)
        records[:, 0] %= 10
        records.tofile(folder / name)


def augmented(images, generator):
    """Reflect-pad by 4, crop and mirror at random, per image."""
    padded = numpy.pad(images, ((0, 0), (0, 0), (4, 4), (4, 4)), "reflect")
    out = numpy.empty_like(images)
    for i, (row, column, mirror) in enumerate(generator.integers(0, [9, 9, 2], (len(images), 3))):
        view = padded[i, :, row : row + 32, column : column + 32]
        out[i] = view[:, :, ::-1] if mirror else view
    return out


def run(folder, steps, layout):
    torch.manual_seed(1)
    teacher = Wrn(22, 4).eval().to(memory_format=layout)
    student = Wrn(16, 2).train().to(memory_format=layout)
    connectors = nn.ModuleList(
        nn.Sequential(nn.Conv2d(32 << i, 64 << i, 1, bias=False), nn.BatchNorm2d(64 << i)) for i in range(3)
    ).to(memory_format=layout)
    parameters = [p for name, p in student.named_parameters() if not name.startswith("fc")] + list(connectors.parameters())
    optimizer = torch.optim.SGD(parameters, 0.1, momentum=0.9, weight_decay=5e-4, nesterov=True)
    data = numpy.concatenate([numpy.fromfile(folder / f"data_batch_{i}.bin", numpy.uint8) for i in range(1, 6)])
    data = data.reshape(-1, 3073)[:, 1:].reshape(-1, 3, 32, 32)
    mean = torch.tensor([125.3, 123.0, 113.9]).view(1, 3, 1, 1)
    std = torch.tensor([63.0, 62.1, 66.7]).view(1, 3, 1, 1)
    generator = numpy.random.default_rng(1)
    order = numpy.concatenate([generator.permutation(len(data)) for _ in range(1 + steps * BATCH // len(data))])
    for step in range(steps):
        images = augmented(data[order[step * BATCH : (step + 1) * BATCH]], generator)
        x = ((torch.from_numpy(images).float() - mean) / std).contiguous(memory_format=layout)
        with torch.no_grad():
            fires = [tap > 0 for tap in teacher.taps(x)]
        if step == 0:  # as in the mesh, where a phase begins when the teacher has answered for its first batch
            start = time.perf_counter()
        loss = 0
        for f, tap, connector in zip(fires, student.taps(x), connectors):
            s = connector(tap)
            loss = loss + 50 * torch.where(f, functional.relu(1 - s), functional.relu(1 + s)).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        loss.item()
    print(f"{steps * BATCH / (time.perf_counter() - start):.1f}")


if __name__ == "__main__":
    if sys.argv[1] == "prepare":
        prepare(Path(sys.argv[2]))
    else:
        run(Path(sys.argv[2]), int(sys.argv[3]), torch.channels_last if sys.argv[4] == "channels_last" else torch.contiguous_format)
