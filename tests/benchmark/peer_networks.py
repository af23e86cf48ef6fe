"""The networks of the paper in plain PyTorch, to compare this program's speed with.

As in appendix A, with the choices that this program makes where the paper leaves one;
the numbers of parameters are equal. Images are [N, C, H, W]; PyTorch's own layers.
"""

import torch
from torch import nn
from torch.nn import functional
from torch.nn.utils.parametrizations import spectral_norm

WIDTHS, STEM = (48, 96, 192, 360), 64
DECODER_WIDTHS = (256, 128, 64, 32)
Z_DIM, BASE = 128, 64


def scaled(width: int, factor: float) -> int:
    return max(1, round(width * factor))


# --- M, R and the heads -------------------------------------------------------------


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and a shortcut (He et al., 2016)."""

    def __init__(self, before: int, width: int, stride: int):
        super().__init__()
        self.residual = nn.Sequential(
            nn.Conv2d(before, width, 3, stride, 1, bias=False),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
            nn.Conv2d(width, width, 3, 1, 1, bias=False),
            nn.BatchNorm2d(width),
        )
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != width:
            self.shortcut = nn.Sequential(
                nn.Conv2d(before, width, 1, stride, bias=False), nn.BatchNorm2d(width)
            )

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return functional.relu(self.residual(x) + self.shortcut(x))


def resnet(
    channels: int, blocks: int, widths: tuple[int, ...], stem: int, last_stride: int
) -> nn.Sequential:
    """A residual network of four groups of blocks, without its classifier."""
    layers: list[nn.Module] = [
        nn.Conv2d(channels, stem, 7, 2, 3, bias=False),
        nn.BatchNorm2d(stem),
        nn.ReLU(inplace=True),
        nn.MaxPool2d(3, 2, 1),
    ]
    before = stem
    for width, stride in zip(widths, (1, 2, 2, last_stride), strict=True):
        for place in range(blocks):
            layers.append(BasicBlock(before, width, 1 if place else stride))
            before = width
    return nn.Sequential(*layers)


def decoder(before: int, channels: int, factor: float) -> nn.Sequential:
    """The decoder of Standley et al. (2020): doublings and convolutions."""
    layers: list[nn.Module] = []
    for place, full in enumerate(DECODER_WIDTHS):
        width = scaled(full, factor)
        layers += [
            nn.ConvTranspose2d(before, width, 2, 2),
            nn.BatchNorm2d(width),
            nn.ReLU(inplace=True),
        ]
        if place < len(DECODER_WIDTHS) - 1:
            layers += [
                nn.Conv2d(width, width, 3, 1, 1),
                nn.BatchNorm2d(width),
                nn.ReLU(inplace=True),
            ]
        before = width
    return nn.Sequential(*layers, nn.Conv2d(before, channels, 3, 1, 1))


class Decoders(nn.Module):
    """A decoder for each task."""

    def __init__(self, before: int, tasks: dict[str, int], factor: float):
        super().__init__()
        self.decoders = nn.ModuleDict(
            {
                task: decoder(before, channels, factor)
                for task, channels in tasks.items()
            }
        )

    def forward(self, features: torch.Tensor) -> dict[str, torch.Tensor]:
        return {task: decode(features) for task, decode in self.decoders.items()}


class Refiner(nn.Module):
    """A ResNet-10 for each prediction, and a classifier of their joint features."""

    def __init__(
        self, tasks: dict[str, int], classes: int, widths: tuple[int, ...], stem: int
    ):
        super().__init__()
        self.encoders = nn.ModuleDict(
            {
                task: resnet(channels, 1, widths, stem, 2)
                for task, channels in tasks.items()
            }
        )
        joint = len(tasks) * widths[-1]
        self.classifier = nn.Sequential(
            nn.Linear(joint, 128), nn.ReLU(inplace=True), nn.Linear(128, classes)
        )

    def forward(self, predictions: dict[str, torch.Tensor]) -> torch.Tensor:
        features = [
            encoder(predictions[task]).mean((2, 3))
            for task, encoder in self.encoders.items()
        ]
        return self.classifier(torch.cat(features, 1))


class Projector(nn.Module):
    """The head of SimCLR on pooled features."""

    def __init__(self, width: int):
        super().__init__()
        self.head = nn.Sequential(
            nn.Linear(width, width), nn.ReLU(inplace=True), nn.Linear(width, 128)
        )

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.head(features.mean((2, 3)))


class Embedding(nn.Module):
    """What guides z: pooled features through a spectrally normalised layer."""

    def __init__(self, width: int):
        super().__init__()
        self.dense = spectral_norm(nn.Linear(width, Z_DIM))
        self.normalize = nn.BatchNorm1d(Z_DIM)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        return self.normalize(self.dense(features.mean((2, 3))))


# --- The self-attention GAN ---------------------------------------------------------


def convolution(before: int, width: int, size: int = 3) -> nn.Module:
    return spectral_norm(nn.Conv2d(before, width, size, 1, size // 2))


class Attention(nn.Module):
    """Self-attention over the places of an image (Zhang et al., 2019)."""

    def __init__(self, channels: int):
        super().__init__()
        narrow, half = max(1, channels // 8), max(1, channels // 2)
        self.query = convolution(channels, narrow, 1)
        self.key = convolution(channels, narrow, 1)
        self.value = convolution(channels, half, 1)
        self.output = convolution(half, channels, 1)
        self.sigma = nn.Parameter(torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        query = self.query(x).flatten(2)
        key = functional.max_pool2d(self.key(x), 2).flatten(2)
        value = functional.max_pool2d(self.value(x), 2).flatten(2)
        weights = torch.softmax(query.transpose(1, 2) @ key, -1)
        attended = (value @ weights.transpose(1, 2)).unflatten(2, x.shape[2:])
        return x + self.sigma * self.output(attended)


class ConditionalBatchNorm(nn.Module):
    """Batch normalization with gamma and beta of the class."""

    def __init__(self, channels: int, classes: int):
        super().__init__()
        self.normalize = nn.BatchNorm2d(channels, momentum=0.001, affine=False)
        self.table = nn.Embedding(classes, 2 * channels)
        nn.init.ones_(self.table.weight[:, :channels])
        nn.init.zeros_(self.table.weight[:, channels:])

    def forward(self, x: torch.Tensor, scene: torch.Tensor) -> torch.Tensor:
        gamma, beta = self.table(scene)[:, :, None, None].chunk(2, 1)
        return gamma * self.normalize(x) + beta


class GeneratorBlock(nn.Module):
    """A residual block to twice the size, conditioned on the class."""

    def __init__(self, before: int, width: int, classes: int):
        super().__init__()
        self.normalize_1 = ConditionalBatchNorm(before, classes)
        self.convolution_1 = convolution(before, width)
        self.normalize_2 = ConditionalBatchNorm(width, classes)
        self.convolution_2 = convolution(width, width)
        self.shortcut = convolution(before, width, 1)

    def forward(self, x: torch.Tensor, scene: torch.Tensor) -> torch.Tensor:
        hidden = functional.relu(self.normalize_1(x, scene), inplace=True)
        hidden = self.convolution_1(functional.interpolate(hidden, scale_factor=2))
        hidden = functional.relu(self.normalize_2(hidden, scene), inplace=True)
        shortcut = functional.interpolate(self.shortcut(x), scale_factor=2)
        return self.convolution_2(hidden) + shortcut


class Generator(nn.Module):
    """G at 128 pixels."""

    def __init__(self, classes: int, factor: float):
        super().__init__()
        base = scaled(BASE, factor)
        self.widest = 16 * base
        self.start = spectral_norm(nn.Linear(Z_DIM, 16 * self.widest))
        widths = [16 * base, 16 * base, 8 * base, 4 * base, 2 * base, base]
        self.blocks = nn.ModuleList(
            GeneratorBlock(before, width, classes)
            for before, width in zip(widths, widths[1:], strict=False)
        )
        self.attention = Attention(4 * base)
        self.normalize = nn.BatchNorm2d(base, momentum=1e-4)
        self.to_rgb = convolution(base, 3)

    def forward(self, z: torch.Tensor, scene: torch.Tensor) -> torch.Tensor:
        x = self.start(z).unflatten(1, (self.widest, 4, 4))
        for block in self.blocks:
            x = block(x, scene)
            if x.shape[-1] == 32:
                x = self.attention(x)
        return torch.tanh(self.to_rgb(functional.relu(self.normalize(x))))


class DiscriminatorBlock(nn.Module):
    """A residual block to half the size; of images, nothing activates its input."""

    def __init__(self, before: int, width: int, first: bool = False):
        super().__init__()
        self.first = first
        self.convolution_1 = convolution(before, width)
        self.convolution_2 = convolution(width, width)
        self.shortcut = convolution(before, width, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        hidden = self.convolution_1(x if self.first else functional.relu(x))
        hidden = self.convolution_2(functional.relu(hidden, inplace=True))
        return functional.avg_pool2d(hidden, 2) + self.shortcut(
            functional.avg_pool2d(x, 2)
        )


class Discriminator(nn.Module):
    """D at 128 pixels, with a projection head."""

    def __init__(self, classes: int, factor: float):
        super().__init__()
        base = scaled(BASE, factor)
        widths = [base, 2 * base, 4 * base, 8 * base, 16 * base]
        self.first = DiscriminatorBlock(3, base, first=True)
        self.blocks = nn.ModuleList(
            DiscriminatorBlock(before, width)
            for before, width in zip(widths, widths[1:], strict=False)
        )
        self.attention = Attention(2 * base)
        self.last_1 = convolution(widths[-1], widths[-1])
        self.last_2 = convolution(widths[-1], widths[-1])
        self.logit = spectral_norm(nn.Linear(widths[-1], 1))
        self.embedding = spectral_norm(nn.Embedding(classes, widths[-1]))

    def forward(self, images: torch.Tensor, scene: torch.Tensor) -> torch.Tensor:
        x = self.first(images)
        for block in self.blocks:
            x = block(x)
            if x.shape[-1] == 32:
                x = self.attention(x)
        x = x + self.last_2(functional.relu(self.last_1(functional.relu(x))))
        pooled = functional.relu(x).sum((2, 3))
        return self.logit(pooled)[:, 0] + (self.embedding(scene) * pooled).sum(1)


def networks(
    tasks: dict[str, int], classes: int, factor: float = 1.0
) -> dict[str, nn.Module]:
    """All networks of figure 2 by this program's names, for 128 pixels."""
    widths = tuple(scaled(width, factor) for width in WIDTHS)
    stem = scaled(STEM, factor)
    return {
        "encoder": resnet(3, 2, widths, stem, 1),
        "decoders": Decoders(widths[-1], tasks, factor),
        "refiner": Refiner(tasks, classes, widths, stem),
        "projector": Projector(widths[-1]),
        "embedding": Embedding(widths[-1]),
        "generator": Generator(classes, factor),
        "discriminator": Discriminator(classes, factor),
    }


def parameter_count(network: nn.Module) -> int:
    """The number of trainable parameters."""
    return sum(weight.numel() for weight in network.parameters())
