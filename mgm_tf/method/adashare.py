"""The two losses of AdaShare's policy stage (Sun et al., 2019).

Weights and policy learn in turns, each from examples of its own; blocks are used as a
soft sample of the policy says. `networks/adashare_policy.py` has the formulas.
"""

import dataclasses

import tensorflow as tf

from mgm_tf.data.examples import Examples
from mgm_tf.method.objectives import MultiTask, Networks, Terms
from mgm_tf.networks import adashare_policy


@dataclasses.dataclass(frozen=True)
class SampledPolicy:
    """How a policy is sampled in the course of its stage.

    Attributes:
      temperature: the temperature of the first samples.
      decay: the factor on the temperature for each epoch.
      curriculum: the part of the stage after which all blocks are under policy.
    """

    temperature: float
    decay: float
    curriculum: float

    def under_policy(self, logits: tf.Tensor, examples: Examples) -> tf.Tensor:
        """Returns which blocks are under policy by now, booleans [blocks]."""
        blocks = logits.shape[1]
        return adashare_policy.under_policy(
            blocks, examples.stage_progress.fraction, self.curriculum
        )

    def usage(self, logits: tf.Tensor, examples: Examples) -> tf.Tensor:
        """Returns how far each task uses each block, [tasks, blocks]."""
        # One policy for the global batch: drawn as if by its first example.
        seed = examples.rng.fold_in("policy").seed
        uniform = tf.random.stateless_uniform(logits.shape, seed)
        epochs = tf.floor(examples.stage_progress.epochs)
        temperature = adashare_policy.temperature(self.temperature, self.decay, epochs)
        sampled = adashare_policy.sampled_usage(logits, uniform, temperature)
        return adashare_policy.with_curriculum(
            sampled, self.under_policy(logits, examples)
        )


@dataclasses.dataclass(frozen=True)
class UnderPolicy:
    """L_multi with blocks used as a sample of the policy says: the weights' turn.

    Attributes:
      multi_task: the loss of the tasks.
      sampled: how the policy is sampled.
    """

    multi_task: MultiTask
    sampled: SampledPolicy
    networks = ("encoder", "decoders", "policy")
    reads_scenes = False

    @property
    def terms(self) -> tuple[str, ...]:
        """The names of the tasks."""
        return self.multi_task.terms

    def __call__(self, networks: Networks, examples: Examples) -> Terms:
        """Returns the loss of every task."""
        usage = self.sampled.usage(networks.policy(), examples)
        features = networks.encoder(examples.images, usage)
        return self.multi_task.of(networks.decoders(features), examples)


@dataclasses.dataclass(frozen=True)
class LearnPolicy:
    """L_multi under a sample of the policy, and what a policy should be like.

    Attributes:
      weights: the loss of the tasks under a sampled policy.
      sparsity: the weight of the loss for skipping blocks.
      sharing: the weight of the loss for using the same blocks.
    """

    weights: UnderPolicy
    sparsity: float
    sharing: float
    networks = UnderPolicy.networks
    reads_scenes = False

    @property
    def terms(self) -> tuple[str, ...]:
        """The names of the tasks, and of the two losses of the policy itself."""
        return (*self.weights.terms, "sparsity", "sharing")

    def __call__(self, networks: Networks, examples: Examples) -> Terms:
        """Returns the losses, which reach the policy through the sample."""
        logits = networks.policy()
        mask = self.weights.sampled.under_policy(logits, examples)
        return {
            **self.weights(networks, examples),
            "sparsity": self.sparsity * adashare_policy.sparsity(logits, mask),
            "sharing": self.sharing * adashare_policy.sharing(logits, mask),
        }
