"""Makes the small Keras teachers of Dl4jTeacherEngineTest, and what PyTorch says of them.

    python3 make_keras_teachers.py ../resources/io/abmesh/nn/teacher

Needs h5py and PyTorch (made with 3.7 and 1.13), not Keras: the files have the layout that Keras 2 writes with `model.save("x.h5")`,
put together by hand. `keras-functional.h5` is a functional model of 16 x 16 images with a residual sum, `keras-sequential.h5` a
sequential one of 12 x 8 images with activations built into its layers and a dense layer behind a flatten; `keras-lambda.h5` has a Lambda
layer. Weights are random with a fixed seed; batch norm has random statistics.

`keras-functional.bin` and `keras-sequential.bin` hold, little-endian: four images uint8 [4, 3, H, W]; then float32 taps and logits of the
pixel / 64 - 2, in [N, C, H, W]: functional [4, 4, 16, 16], [4, 8, 8, 8], [4, 5]; sequential [4, 4, 12, 8], [4, 6, 6, 4], [4, 7], [4, 5].
"""

import json
import sys
from pathlib import Path

import h5py
import numpy
import torch
from torch.nn import functional as F

COUNT, CLASSES = 4, 5
random = numpy.random.default_rng(11)


def normal(*shape, scale=1.0):
    return (random.standard_normal(shape) * scale).astype("float32")


class Weights(dict):
    """By layer: (name, array) in Keras' layout, in the order that Keras saves them."""

    def conv(self, name, i, o, k, bias=False):
        self[name] = [("kernel:0", normal(k, k, i, o, scale=(k * k * i) ** -0.5))] + ([("bias:0", normal(o, scale=0.3))] if bias else [])

    def norm(self, name, c):
        self[name] = [("gamma:0", 1 + normal(c, scale=0.3)), ("beta:0", normal(c, scale=0.3)), ("moving_mean:0", normal(c, scale=0.3)),
                      ("moving_variance:0", numpy.abs(normal(c)) + 0.5)]

    def dense(self, name, i, o):
        self[name] = [("kernel:0", normal(i, o, scale=i ** -0.5)), ("bias:0", normal(o, scale=0.3))]

    def of(self, name):
        return [torch.from_numpy(array) for _, array in self[name]]


def layer(kind, name, inputs=None, **config):
    entry = {"class_name": kind, "config": {"name": name, "trainable": True, "dtype": "float32", **config}}
    if inputs is not None:
        entry |= {"name": name, "inbound_nodes": [[[i, 0, 0, {}] for i in inputs]] if inputs else []}
    return entry


def conv(name, filters, k, inputs=None, stride=1, activation="linear", bias=False):
    return layer("Conv2D", name, inputs, filters=filters, kernel_size=[k, k], strides=[stride, stride], padding="same",
                 data_format="channels_last", dilation_rate=[1, 1], groups=1, activation=activation, use_bias=bias,
                 kernel_initializer={"class_name": "GlorotUniform", "config": {"seed": None}},
                 bias_initializer={"class_name": "Zeros", "config": {}}, kernel_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, bias_constraint=None)


def norm(name, inputs=None):
    return layer("BatchNormalization", name, inputs, axis=[3], momentum=0.99, epsilon=0.001, center=True, scale=True,
                 beta_initializer={"class_name": "Zeros", "config": {}}, gamma_initializer={"class_name": "Ones", "config": {}},
                 moving_mean_initializer={"class_name": "Zeros", "config": {}},
                 moving_variance_initializer={"class_name": "Ones", "config": {}}, beta_regularizer=None, gamma_regularizer=None,
                 beta_constraint=None, gamma_constraint=None)


def dense(name, units, inputs=None, activation="softmax"):
    return layer("Dense", name, inputs, units=units, activation=activation, use_bias=True,
                 kernel_initializer={"class_name": "GlorotUniform", "config": {"seed": None}},
                 bias_initializer={"class_name": "Zeros", "config": {}}, kernel_regularizer=None, bias_regularizer=None,
                 activity_regularizer=None, kernel_constraint=None, bias_constraint=None)


def image(h, w, functional):
    return layer("InputLayer", "image", [] if functional else None, batch_input_shape=[None, h, w, 3], sparse=False, ragged=False)


def save(path, model, weights, names):
    with h5py.File(path, "w") as file:
        file.attrs["keras_version"] = b"2.8.0"
        file.attrs["backend"] = b"tensorflow"
        file.attrs["model_config"] = json.dumps(model).encode()
        root = file.create_group("model_weights")
        root.attrs["keras_version"] = b"2.8.0"
        root.attrs["backend"] = b"tensorflow"
        root.attrs["layer_names"] = [name.encode() for name in names]
        for name in names:
            group = root.create_group(name)
            arrays = weights.get(name, [])
            group.attrs["weight_names"] = [f"{name}/{key}".encode() for key, _ in arrays]
            for key, array in arrays:
                group.create_dataset(f"{name}/{key}", data=array)


def functional_model(layers, output):
    return {"class_name": "Functional", "config": {"name": "model", "layers": layers, "input_layers": [["image", 0, 0]],
                                                   "output_layers": [[output, 0, 0]]}}


def run_conv(x, weights, stride=1):
    """`same` in TensorFlow pads the odd pixel at the end, below and to the right."""
    kernel, *bias = weights
    k = kernel.shape[0]
    pads = []
    for size in (x.shape[3], x.shape[2]):
        total = max((-(-size // stride) - 1) * stride + k - size, 0)
        pads += [total // 2, total - total // 2]
    return F.conv2d(F.pad(x, pads), kernel.permute(3, 2, 0, 1), bias[0] if bias else None, stride)


def run_norm(x, weights):
    gamma, beta, mean, variance = weights
    return F.batch_norm(x, mean, variance, gamma, beta, eps=0.001)


def pixels(h, w):
    return random.integers(0, 256, (COUNT, 3, h, w), dtype=numpy.uint8)


def write(path, images, tensors):
    path.write_bytes(images.tobytes() + b"".join(t.contiguous().numpy().astype("<f4").tobytes() for t in tensors))


def functional(folder):
    w = Weights()
    w.conv("conv1", 3, 4, 3), w.norm("bn1", 4), w.conv("conv2", 4, 4, 3), w.norm("bn2", 4)
    w.conv("conv3", 4, 8, 3), w.norm("bn3", 8), w.dense("fc", 8, CLASSES)
    relu = lambda name, i: layer("Activation", name, [i], activation="relu")
    layers = [image(16, 16, True), conv("conv1", 4, 3, ["image"]), norm("bn1", ["conv1"]), relu("relu1", "bn1"),
              conv("conv2", 4, 3, ["relu1"]), norm("bn2", ["conv2"]), layer("Add", "add", ["bn2", "relu1"]), relu("relu2", "add"),
              conv("conv3", 8, 3, ["relu2"], stride=2), norm("bn3", ["conv3"]), relu("relu3", "bn3"),
              layer("GlobalAveragePooling2D", "pool", ["relu3"], data_format="channels_last"), dense("fc", CLASSES, ["pool"])]
    save(folder / "keras-functional.h5", functional_model(layers, "fc"), w, [l["name"] for l in layers])
    images = pixels(16, 16)
    first = F.relu(run_norm(run_conv(torch.from_numpy(images).float() / 64 - 2, w.of("conv1")), w.of("bn1")))
    tap1 = run_norm(run_conv(first, w.of("conv2")), w.of("bn2")) + first
    tap2 = run_norm(run_conv(F.relu(tap1), w.of("conv3"), 2), w.of("bn3"))
    kernel, bias = w.of("fc")
    write(folder / "keras-functional.bin", images, [tap1, tap2, F.relu(tap2).mean((2, 3)) @ kernel + bias])


def sequential(folder):
    w = Weights()
    w.conv("conv1", 3, 4, 3, bias=True), w.conv("conv2", 4, 6, 3, bias=True)
    w.dense("hidden", 6 * 3 * 2, 7), w.dense("fc", 7, CLASSES)
    pool = lambda name: layer("MaxPooling2D", name, pool_size=[2, 2], padding="valid", strides=[2, 2], data_format="channels_last")
    layers = [image(12, 8, False), conv("conv1", 4, 3, activation="relu", bias=True), pool("pool1"),
              conv("conv2", 6, 3, activation="relu", bias=True), pool("pool2"), layer("Flatten", "flatten", data_format="channels_last"),
              dense("hidden", 7, activation="relu"), dense("fc", CLASSES)]
    model = {"class_name": "Sequential", "config": {"name": "sequential", "layers": layers}}
    save(folder / "keras-sequential.h5", model, w, [l["config"]["name"] for l in layers])
    images = pixels(12, 8)
    tap1 = run_conv(torch.from_numpy(images).float() / 64 - 2, w.of("conv1"))
    tap2 = run_conv(F.max_pool2d(F.relu(tap1), 2), w.of("conv2"))
    flat = F.max_pool2d(F.relu(tap2), 2).permute(0, 2, 3, 1).flatten(1)
    tap3 = flat @ w.of("hidden")[0] + w.of("hidden")[1]
    write(folder / "keras-sequential.bin", images, [tap1, tap2, tap3, F.relu(tap3) @ w.of("fc")[0] + w.of("fc")[1]])


def with_lambda(folder):
    code = ["4wEAAAAAAAAA", None, None]
    layers = [image(8, 8, True), layer("Lambda", "scale", ["image"], function=code, function_type="lambda", arguments={}),
              layer("GlobalAveragePooling2D", "pool", ["scale"], data_format="channels_last")]
    save(folder / "keras-lambda.h5", functional_model(layers, "pool"), {}, [l["name"] for l in layers])


if __name__ == "__main__":
    target = Path(sys.argv[1])
    functional(target), sequential(target), with_lambda(target)
