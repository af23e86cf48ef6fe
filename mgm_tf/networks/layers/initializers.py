"""How kernels start."""

import keras


def kaiming() -> keras.Initializer:
    """Normal with variance 2 / fan_out, for ReLU networks (He et al., 2015)."""
    return keras.initializers.VarianceScaling(
        2.0, mode="fan_out", distribution="untruncated_normal"
    )


def xavier() -> keras.Initializer:
    """Uniform with variance 2 / (fan_in + fan_out) (Glorot and Bengio, 2010)."""
    return keras.initializers.GlorotUniform()


def small_normal() -> keras.Initializer:
    """Normal with standard deviation 0.02, as DCGAN has it (Radford et al., 2015)."""
    return keras.initializers.RandomNormal(0.0, 0.02)
