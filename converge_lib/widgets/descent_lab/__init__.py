"""DescentLab: solvers race down a surface from a start that the reader moves."""
