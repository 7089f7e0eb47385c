"""GapVersusDense: a dense head against global pooling, and what a shift does to each."""
