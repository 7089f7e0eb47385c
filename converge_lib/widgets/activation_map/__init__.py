"""ActivationMap: where a network looked in a photograph, for every class that it knows."""
