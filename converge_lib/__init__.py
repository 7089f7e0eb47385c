"""The library behind *Converge*: every technique of the book, importable and tested."""
