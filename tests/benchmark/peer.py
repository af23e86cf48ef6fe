"""Algorithm 1 as a plain PyTorch program, to compare this program's speed with.

Each line of the algorithm is a forward pass, a backward pass and a step of Adam, as the
paper's authors have it; the views of SimCLR are random crops, flips, colours and blurs.
`against_peer.py` runs it, in a process of its own: TensorFlow and PyTorch together end
one. It needs `pip install torch`, which nothing else does.
"""

import argparse
import json
import sys
import time
from collections.abc import Iterable, Mapping

try:
    import torch
    from torch.nn import functional
except ImportError as missing:
    raise SystemExit(f"{missing.name} is not installed: pip install torch") from missing

from tests.benchmark import peer_networks

TASKS = {"segmentation": 13, "depth": 1, "normals": 3}
CLASSES, SIZE = 10, 128
TEMPERATURE = 0.5


class Peer:
    """The networks, their optimizers, and a step of Algorithm 1."""

    def __init__(
        self,
        tasks: Mapping[str, int],
        classes: int,
        width: float,
        batch_size: int,
        channels_last: bool = False,
    ):
        torch.manual_seed(0)
        self.networks = peer_networks.networks(dict(tasks), classes, width)
        form = torch.channels_last if channels_last else torch.contiguous_format
        rates = {"generator": 1e-4, "discriminator": 4e-4}
        gan = ("generator", "discriminator", "embedding")
        self.optimizers = {}
        for name, network in self.networks.items():
            network.to(memory_format=form)
            self.optimizers[name] = torch.optim.Adam(
                network.parameters(),
                rates.get(name, 1e-3),
                betas=(0.0 if name in gan else 0.9, 0.999),
                weight_decay=0.0 if name in gan else 1e-4,
            )
        n, generator = batch_size, torch.Generator().manual_seed(0)
        shape = (n, 3, SIZE, SIZE)
        images = torch.rand(shape, generator=generator) * 2 - 1
        self.images = images.to(memory_format=form)
        places = (n, SIZE, SIZE)
        self.classes = torch.randint(tasks["segmentation"], places, generator=generator)
        self.depth = torch.rand((n, 1, SIZE, SIZE), generator=generator)
        self.normals = torch.rand(shape, generator=generator)
        self.scene = torch.randint(classes, (n,), generator=generator)

    def step(self) -> float:
        """Takes one iteration of Algorithm 1, D and G twice; returns the last loss."""
        nets = self.networks
        predictions = nets["decoders"](nets["encoder"](self.images))
        loss = (
            functional.cross_entropy(predictions["segmentation"], self.classes)
            + functional.l1_loss(predictions["depth"], self.depth)
            + functional.l1_loss(predictions["normals"], self.normals)
        )
        self._descend(loss, ("encoder", "decoders"))
        self._descend(self._scene_loss(self.images), ("refiner", "encoder"))
        self._descend(self._contrastive(self.images), ("projector", "encoder"))
        for _ in range(2):
            real = self._judge(self.images)
            fake = self._judge(self._synthesized().detach())
            loss = functional.relu(1 - real).mean() + functional.relu(1 + fake).mean()
            self._descend(loss, ("discriminator",))
            loss = -self._judge(self._synthesized()).mean()
            self._descend(loss, ("generator", "embedding", "encoder"))
        with torch.no_grad():
            synthesized = self._synthesized()
        self._descend(self._scene_loss(synthesized), ("encoder",))
        loss = self._contrastive(synthesized)
        self._descend(loss, ("encoder",))
        return loss.item()

    def _descend(self, loss: torch.Tensor, names: Iterable[str]) -> None:
        weights = {name: list(self.networks[name].parameters()) for name in names}
        everything = [weight for each in weights.values() for weight in each]
        # Of the networks that the update trains, and of no other.
        gradients = torch.autograd.grad(loss, everything)
        for weight, gradient in zip(everything, gradients, strict=True):
            weight.grad = gradient
        for name in weights:
            self.optimizers[name].step()

    def _scene_loss(self, images: torch.Tensor) -> torch.Tensor:
        nets = self.networks
        predictions = nets["decoders"](nets["encoder"](images))
        return functional.cross_entropy(nets["refiner"](predictions), self.scene)

    def _contrastive(self, images: torch.Tensor) -> torch.Tensor:
        views = torch.cat([view(images), view(images)])
        latent = self.networks["projector"](self.networks["encoder"](views))
        latent = functional.normalize(latent)
        similar = latent @ latent.T / TEMPERATURE
        similar.fill_diagonal_(-1e9)
        count = len(images)
        others = torch.arange(2 * count).roll(count)
        return functional.cross_entropy(similar, others)

    def _judge(self, images: torch.Tensor) -> torch.Tensor:
        return self.networks["discriminator"](images, self.scene)

    def _synthesized(self) -> torch.Tensor:
        guide = self.networks["embedding"](self.networks["encoder"](self.images))
        z = guide + torch.randn_like(guide)
        return self.networks["generator"](z, self.scene)


def view(images: torch.Tensor) -> torch.Tensor:
    """A random view of each image in -1..1, as SimCLR makes it."""
    n = len(images)
    area = torch.empty(n).uniform_(0.08, 1)
    aspect = torch.exp(torch.empty(n).uniform_(-0.2877, 0.2877))
    size = torch.stack([area / aspect, area * aspect], 1).sqrt().clamp(max=1)
    place = (2 * torch.rand(n, 2) - 1) * (1 - size)
    flip = torch.where(torch.rand(n) < 0.5, -1.0, 1.0)
    matrix = torch.zeros(n, 2, 3)
    matrix[:, 0, 0], matrix[:, 1, 1] = size[:, 0] * flip, size[:, 1]
    matrix[:, :, 2] = place
    grid = functional.affine_grid(matrix, images.shape, align_corners=False)
    views = (functional.grid_sample(images, grid, align_corners=False) + 1) / 2
    luma = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)
    factors = torch.empty(3, n, 1, 1, 1).uniform_(0.2, 1.8)
    jittered = (views * factors[0]).clamp(0, 1)
    mean = (jittered * luma).sum(1, keepdim=True).mean((2, 3), keepdim=True)
    jittered = (mean + (jittered - mean) * factors[1]).clamp(0, 1)
    grey = (jittered * luma).sum(1, keepdim=True)
    jittered = (grey + (jittered - grey) * factors[2]).clamp(0, 1)
    views = torch.where(torch.rand(n, 1, 1, 1) < 0.5, jittered, views)
    grey = (views * luma).sum(1, keepdim=True).expand_as(views)
    views = torch.where(torch.rand(n, 1, 1, 1) < 0.2, grey, views)
    taps = torch.arange(13) - 6.0
    kernel = torch.softmax(-((taps / torch.empty(n, 1).uniform_(0.1, 2)) ** 2) / 2, 1)
    kernel = kernel.repeat_interleave(3, 0)
    planes = functional.pad(views, (6, 6, 6, 6), mode="reflect").flatten(0, 1)[None]
    planes = functional.conv2d(planes, kernel[:, None, None, :], groups=3 * n)
    planes = functional.conv2d(planes, kernel[:, None, :, None], groups=3 * n)
    blurred = planes[0].unflatten(0, (n, 3))
    return 2 * torch.where(torch.rand(n, 1, 1, 1) < 0.5, blurred, views) - 1


def main() -> None:
    """Prints the numbers of parameters, then a line for each step that is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tasks", type=json.loads, default=TASKS)
    parser.add_argument("--classes", type=int, default=CLASSES)
    parser.add_argument("--width", type=float, default=1.0)
    parser.add_argument("--batch_size", type=int, default=4)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--channels_last", action="store_true")
    chosen = vars(parser.parse_args())
    torch.set_num_threads(chosen.pop("threads"))
    peer = Peer(**chosen)
    counts = map(peer_networks.parameter_count, peer.networks.values())
    print(json.dumps(dict(zip(peer.networks, counts, strict=True))), flush=True)
    for _ in sys.stdin:
        begin, cpu = time.perf_counter(), time.process_time()
        loss = peer.step()
        seconds = time.perf_counter() - begin, time.process_time() - cpu
        print(json.dumps([*seconds, loss]), flush=True)


if __name__ == "__main__":
    main()
