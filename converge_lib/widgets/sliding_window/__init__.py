"""SlidingWindow: the dense network slid over a picture, and its score map computed at once."""
