"""PixelLens: a 1×1 network at one pixel of a picture, and at all of them."""
