"""What PyTorch's autograd, in float64, says of every loss beside the boundary's own, for LossOracleTest.

    python3 make_losses.py ../resources/io/abmesh/nn/loss/losses.json

Needs PyTorch (made with 1.13). Both sides make the same inputs from a hash of a name and the element's index, so only results are
stored: the loss of the batch and the gradient by what the student answers, the latter whole. Losses are written the way their
authors' scripts write them, named at each, not the way abmesh does.
"""

import json
import math
import sys
import zlib

import numpy
import torch
from torch.nn import functional

torch.set_default_dtype(torch.float64)
N, C, D, H, K = 3, 4, 5, 4, 6
LABELS = torch.tensor([4, 0, 2])


def uniform(name, *shape):
    """Numbers in [-2, 2): splitmix64 of the CRC-32 of the name and the index."""
    count = math.prod(shape)
    with numpy.errstate(over="ignore"):
        x = numpy.uint64(zlib.crc32(name.encode())) << numpy.uint64(32)
        x = (x + numpy.arange(1, count + 1, dtype=numpy.uint64)) * numpy.uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> numpy.uint64(30))) * numpy.uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> numpy.uint64(27))) * numpy.uint64(0x94D049BB133111EB)
        x = x ^ (x >> numpy.uint64(31))
    return torch.from_numpy((x >> numpy.uint64(40)).astype(numpy.float64) / 2**22 - 2).view(*shape)


def identity(x):
    return x


def attention(x, f):
    """at() of szagoruyko/attention-transfer; the mean over channels is of f."""
    return functional.normalize(f(x).pow(2).mean(1).flatten(1))


def flow(x, y, f):
    """compute_fsp() of HobbitLong/RepDistiller."""
    x, y = f(x), f(y)
    if x.shape[2] > y.shape[2]:
        x = functional.adaptive_max_pool2d(x, (y.shape[2], y.shape[3]))
    elif x.shape[2] < y.shape[2]:
        y = functional.adaptive_max_pool2d(y, (x.shape[2], x.shape[3]))
    x, y = x.flatten(2).unsqueeze(2), y.flatten(2).unsqueeze(1)
    return (x * y).mean(-1)


def overhaul(s, t):
    """distillation_loss() of clovaai/overhaul-distillation, with the mean of the negative responses as margin."""
    negative = (t < 0).double()
    margin = ((t * negative).sum((0, 2, 3)) / negative.sum((0, 2, 3))).view(1, -1, 1, 1)
    target = torch.max(t, margin)
    loss = functional.mse_loss(s, target, reduction="none")
    return (loss * ((s > target) | (target > 0)).double()).mean()


def kd(s, t, temperature):
    p = functional.softmax(t / temperature, 1)
    return functional.kl_div(functional.log_softmax(s / temperature, 1), p, reduction="batchmean")


def standard(z):
    """normalize() of sunshangquan/logit-standardization-KD."""
    return (z - z.mean(-1, keepdim=True)) / (1e-7 + z.std(-1, keepdim=True))


def decoupled(s, t, alpha, beta, temperature):
    """dkd_loss() of megvii-research/mdistiller."""
    mask = functional.one_hot(LABELS, K).double()
    both = lambda p: torch.stack([(p * mask).sum(1), (p * (1 - mask)).sum(1)], 1)
    p, q = functional.softmax(s / temperature, 1), functional.softmax(t / temperature, 1)
    target = functional.kl_div(torch.log(both(p)), both(q), reduction="sum") * temperature**2 / N
    p = functional.log_softmax(s / temperature - 1000.0 * mask, 1)
    q = functional.softmax(t / temperature - 1000.0 * mask, 1)
    return alpha * target + beta * functional.kl_div(p, q, reduction="sum") * temperature**2 / N


def dist(s, t, beta, gamma, temperature):
    """DIST of hunto/DIST_KD."""

    def relation(a, b):
        a, b = a - a.mean(1, keepdim=True), b - b.mean(1, keepdim=True)
        return 1 - ((a * b).sum(1) / (a.norm(dim=1) * b.norm(dim=1) + 1e-8)).mean()

    p, q = functional.softmax(s / temperature, 1), functional.softmax(t / temperature, 1)
    return temperature**2 * (beta * relation(p, q) + gamma * relation(p.T, q.T))


def centered(s, t):
    return functional.mse_loss(s - s.mean(1, keepdim=True), t - t.mean(1, keepdim=True))


def main():
    first = {"student": uniform("student.first", N, C, H, H), "teacher": uniform("teacher.first", N, C, H, H)}
    second = {"student": uniform("student.second", N, D, H // 2, H // 2), "teacher": uniform("teacher.second", N, D, H // 2, H // 2)}
    logits = {"student": 2 * uniform("student.logits", N, K), "teacher": 2 * uniform("teacher.logits", N, K)}
    s, s2, z = (x["student"].requires_grad_() for x in (first, second, logits))
    t, t2, y = (x["teacher"] for x in (first, second, logits))
    result = {}

    def case(name, loss, *by):
        gradients = torch.autograd.grad(loss, by)
        result[name] = {"loss": loss.item(), "gradients": [g.flatten().tolist() for g in gradients]}

    for side, f in (("raw", identity), ("rectified", torch.relu)):
        case(f"l1.{side}", (f(s) - f(t)).abs().mean(), s)
        case(f"l2.{side}", functional.mse_loss(f(s), f(t)), s)
        case(f"attention.{side}", (attention(s, f) - attention(t, f)).pow(2).mean(), s)
        case(f"flow.{side}", (flow(s, s2, f) - flow(t, t2, f)).pow(2).mean(), s, s2)
    case("overhaul", overhaul(s, t), s)
    case("kd", kd(z, y, 3), z)
    case("kd.standardized", kd(standard(z), standard(y), 2) * 4, z)
    case("dkd", decoupled(z, y, 1, 8, 4), z)
    case("dkd.standardized", decoupled(standard(z), standard(y), 0.5, 2, 2), z)
    case("dist", dist(z, y, 1, 2, 1), z)
    case("dist.softened", dist(z, y, 2, 1, 4), z)
    case("crossEntropy.smoothed", functional.cross_entropy(z, LABELS, label_smoothing=0.1), z)
    case("centered", centered(z, y), z)
    with open(sys.argv[1], "w") as file:
        json.dump(result, file, indent=1)
        file.write("\n")


main()
