"""Data that ships with the library, or that it draws."""

from converge_lib.data.cluttered_mnist import cluttered_mnist
from converge_lib.data.curves import curves
from converge_lib.data.mnist import mnist
from converge_lib.data.patches import patches
from converge_lib.data.photographs import imagenet_classes, photographs
from converge_lib.data.temporal_order import temporal_order

__all__ = [
    "cluttered_mnist",
    "curves",
    "imagenet_classes",
    "mnist",
    "patches",
    "photographs",
    "temporal_order",
]
