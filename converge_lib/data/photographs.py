r"""Photographs that scikit-image ships, and the names of ImageNet's classes."""

from __future__ import annotations

from pathlib import Path

import numpy as np

FILES = {
    "astronaut": "astronaut.png",
    "camera": "camera.png",
    "chelsea": "chelsea.png",
    "clock": "clock_motion.png",
    "coffee": "coffee.png",
    "coins": "coins.png",
    "rocket": "rocket.jpg",
}
"""In the package itself, beside ``skimage.data``: nothing is downloaded."""

SOURCES = {
    "astronaut": "Eileen Collins, by NASA; public domain, no known copyright restrictions",
    "camera": "A photographer with his camera, by Lav Varshney; CC0",
    "chelsea": "Chelsea the cat, by Stéfan van der Walt; CC0",
    "clock": "A wall clock, blurred by motion, by Stéfan van der Walt; public domain",
    "coffee": "A cup of espresso at Pikolo Espresso Bar, by Rachel Michetti; CC0",
    "coins": "Greek coins from Pompeii, Brooklyn Museum; no known copyright restrictions",
    "rocket": "Falcon 9 with DSCOVR lifting off, by SpaceX; public domain",
}
"""What each photograph shows, who made it and its licence, as scikit-image states them."""

CLASSES = Path(__file__).with_name("imagenet_classes.txt")


def photographs() -> dict[str, np.ndarray]:
    """Return the photographs by name, each of shape (height, width, 3), uint8, RGB.

    A photograph without colour has three equal channels. Who made each, and under which licence it
    is: :data:`SOURCES`. The arrays are fresh.

    Raises:
        OSError: scikit-image, as installed, holds no such file or a damaged one; it says which.

    Source: scikit-image, ``skimage.data``; those of its photographs with a stated licence that
    show one thing.

    >>> pictures = photographs()
    >>> list(pictures)
    ['astronaut', 'camera', 'chelsea', 'clock', 'coffee', 'coins', 'rocket']
    >>> pictures["coffee"].shape, pictures["camera"].shape, pictures["coffee"].dtype
    ((400, 600, 3), (512, 512, 3), dtype('uint8'))
    """
    return {name: _read(_folder() / file) for name, file in FILES.items()}


def imagenet_classes() -> tuple[str, ...]:
    """Return the names of the 1,000 classes in the order of a network's outputs.

    Each is the first of the words that WordNet has for the class, and no two are alike. Deviation:
    the two cranes, the corgi called Cardigan and one of two maillots are told apart by a word more.

    Source: Russakovsky et al. (2015), ILSVRC 2012; the words are WordNet's, Miller (1995).

    >>> names = imagenet_classes()
    >>> len(names), names[0], names[967], names[999]
    (1000, 'tench', 'espresso', 'toilet tissue')
    """
    return tuple(CLASSES.read_text(encoding="utf-8").splitlines())


def _folder() -> Path:
    import skimage

    return Path(skimage.__file__).parent / "data"


def _read(path: Path) -> np.ndarray:
    from PIL import Image

    try:
        with Image.open(path) as image:
            return np.array(image.convert("RGB"))
    except (OSError, SyntaxError) as error:  # what Pillow raises for a broken PNG
        raise OSError(f"the photograph {path} cannot be read: {error}") from error
