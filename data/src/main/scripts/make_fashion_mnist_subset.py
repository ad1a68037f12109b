#!/usr/bin/env python3
"""Makes the built-in subset of Fashion-MNIST.

Usage: make_fashion_mnist_subset.py FULL_DIR TARGET_DIR

FULL_DIR holds the four original .gz files (Debian: /usr/share/datasets/fashion-mnist, package dataset-fashion-mnist).
TARGET_DIR gets four IDX .gz files of the same form with fewer images: 4000 for training, 2000 for testing, as many of
each class. The choice is seeded; images keep their original order, and their index in the subset is their sample id.
Running it again gives the same pixels and labels; compressed bytes may differ between versions of zlib.
"""

import gzip
import pathlib
import random
import struct
import sys

SEED = 20190127
COUNTS = {"train": 4000, "t10k": 2000}


def read(path):
    with gzip.open(path, "rb") as file:
        return file.read()


def write(path, data):
    with open(path, "wb") as file, gzip.GzipFile(filename="", mode="wb", fileobj=file, compresslevel=9, mtime=0) as out:
        out.write(data)


def main(full, target):
    for part, wanted in COUNTS.items():
        images = read(full / f"{part}-images-idx3-ubyte.gz")
        labels = read(full / f"{part}-labels-idx1-ubyte.gz")
        magic, count, rows, columns = struct.unpack(">IIII", images[:16])
        assert (magic, rows, columns) == (0x803, 28, 28), "not Fashion-MNIST"
        assert struct.unpack(">II", labels[:8]) == (0x801, count), "labels do not belong to the images"
        classes = sorted(set(labels[8:]))
        chooser = random.Random(SEED)
        chosen = []
        for label in classes:
            members = [i for i in range(count) if labels[8 + i] == label]
            chosen += chooser.sample(members, wanted // len(classes))
        chosen.sort()
        size = rows * columns
        body = b"".join(images[16 + i * size : 16 + (i + 1) * size] for i in chosen)
        write(target / f"{part}-images-idx3-ubyte.gz", struct.pack(">IIII", 0x803, len(chosen), rows, columns) + body)
        write(target / f"{part}-labels-idx1-ubyte.gz", struct.pack(">II", 0x801, len(chosen)) + bytes(labels[8 + i] for i in chosen))


if __name__ == "__main__":
    main(pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2]))
