"""A convolutional network in plain numpy: layers with forward and backward passes, and Adam.

Activations are float32, images [batch, channels, height, width]. A layer keeps what its backward
pass needs from its last forward pass, so one network serves one training loop at a time.
"""

import numpy as np


class Parameter:
    """Values that training changes, and their gradient from the last backward pass."""

    def __init__(self, value):
        self.value = value.astype(np.float32)
        self.gradient = np.zeros_like(self.value)


class Layer:
    """A step of the network; layers with weights list them in `parameters`."""

    parameters = ()


class Conv3x3(Layer):
    """Convolution with zero padding of one, so that height and width stay."""

    def __init__(self, in_channels, out_channels, rng):
        scale = np.sqrt(2 / (9 * in_channels))  # He: keeps the variance through ReLU
        self.weight = Parameter(rng.normal(0, scale, (out_channels, in_channels, 3, 3)))
        self.bias = Parameter(np.zeros(out_channels))
        self.parameters = (self.weight, self.bias)

    def forward(self, x, training):
        padded = np.pad(x, ((0, 0), (0, 0), (1, 1), (1, 1)))
        patches = np.lib.stride_tricks.sliding_window_view(padded, (3, 3), axis=(2, 3))
        batch, channels, height, width = x.shape
        # One row for each pixel: [batch * height * width, channels * 9].
        self.columns = patches.transpose(0, 2, 3, 1, 4, 5).reshape(-1, channels * 9)
        self.shape = x.shape
        kernel = self.weight.value.reshape(len(self.bias.value), -1)
        y = self.columns @ kernel.T + self.bias.value
        return y.reshape(batch, height, width, -1).transpose(0, 3, 1, 2)

    def backward(self, gradient):
        batch, channels, height, width = self.shape
        rows = gradient.transpose(0, 2, 3, 1).reshape(-1, gradient.shape[1])
        kernel = self.weight.value.reshape(len(self.bias.value), -1)
        self.weight.gradient = (rows.T @ self.columns).reshape(self.weight.value.shape)
        self.bias.gradient = rows.sum(axis=0)
        patches = (rows @ kernel).reshape(batch, height, width, channels, 3, 3)
        padded = np.zeros((batch, channels, height + 2, width + 2), np.float32)
        for dy in range(3):
            for dx in range(3):
                part = patches[..., dy, dx].transpose(0, 3, 1, 2)
                padded[:, :, dy : dy + height, dx : dx + width] += part
        return padded[:, :, 1:-1, 1:-1]


class MaxPool2x2(Layer):
    def forward(self, x, training):
        batch, channels, height, width = x.shape
        windows = x.reshape(batch, channels, height // 2, 2, width // 2, 2)
        windows = windows.transpose(0, 1, 2, 4, 3, 5).reshape(*windows.shape[:3], width // 2, 4)
        self.shape = x.shape
        self.winner = windows.argmax(axis=-1)[..., None]
        return np.take_along_axis(windows, self.winner, axis=-1)[..., 0]

    def backward(self, gradient):
        batch, channels, height, width = self.shape
        windows = np.zeros((*gradient.shape, 4), np.float32)
        np.put_along_axis(windows, self.winner, gradient[..., None], axis=-1)
        windows = windows.reshape(batch, channels, height // 2, width // 2, 2, 2)
        return windows.transpose(0, 1, 2, 4, 3, 5).reshape(self.shape)


class Dense(Layer):
    """Flattens its input to [batch, inputs] first."""

    def __init__(self, inputs, outputs, rng):
        self.weight = Parameter(rng.normal(0, np.sqrt(2 / inputs), (inputs, outputs)))
        self.bias = Parameter(np.zeros(outputs))
        self.parameters = (self.weight, self.bias)

    def forward(self, x, training):
        self.shape = x.shape
        self.x = x.reshape(len(x), -1)
        return self.x @ self.weight.value + self.bias.value

    def backward(self, gradient):
        self.weight.gradient = self.x.T @ gradient
        self.bias.gradient = gradient.sum(axis=0)
        return (gradient @ self.weight.value.T).reshape(self.shape)


class Relu(Layer):
    def forward(self, x, training):
        self.positive = x > 0
        return x * self.positive

    def backward(self, gradient):
        return gradient * self.positive


class Dropout(Layer):
    """Zeroes a share of the values while training; afterwards it does nothing."""

    def __init__(self, share, rng):
        self.share = share
        self.rng = rng

    def forward(self, x, training):
        if not training:
            return x
        self.kept = (self.rng.random(x.shape) >= self.share) / np.float32(1 - self.share)
        return (x * self.kept).astype(np.float32)

    def backward(self, gradient):
        return (gradient * self.kept).astype(np.float32)


class Network:
    def __init__(self, layers):
        self.layers = layers
        self.parameters = [p for layer in layers for p in layer.parameters]

    def logits(self, x, training=False):
        for layer in self.layers:
            x = layer.forward(x, training)
        return x

    def probabilities(self, x):
        return softmax(self.logits(x))

    def compute_gradients(self, x, labels):
        """Leaves the gradient of the mean cross-entropy in each parameter."""
        gradient = softmax(self.logits(x, training=True))
        gradient[np.arange(len(labels)), labels] -= 1
        gradient /= np.float32(len(labels))
        for layer in reversed(self.layers):
            gradient = layer.backward(gradient)


class Adam:
    """Kingma and Ba's optimizer with its usual constants."""

    def __init__(self, parameters):
        self.parameters = parameters
        self.means = [np.zeros_like(p.value) for p in parameters]
        self.squares = [np.zeros_like(p.value) for p in parameters]
        self.steps = 0

    def step(self, learning_rate):
        self.steps += 1
        correction = np.sqrt(1 - 0.999**self.steps) / (1 - 0.9**self.steps)
        for p, mean, square in zip(self.parameters, self.means, self.squares):
            mean += 0.1 * (p.gradient - mean)
            square += 0.001 * (p.gradient**2 - square)
            p.value -= np.float32(learning_rate * correction) * mean / (np.sqrt(square) + 1e-8)


def softmax(logits):
    exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
    return exponentials / exponentials.sum(axis=1, keepdims=True)
