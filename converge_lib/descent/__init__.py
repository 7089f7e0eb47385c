"""Descent: surfaces to go down, and the methods that go down them.

What needs torch is imported from its own module: ``curvature`` and ``hessian_free``.
"""

from converge_lib.descent.conjugate_gradient import linear_cg, nonlinear_cg
from converge_lib.descent.descend import descend
from converge_lib.descent.lbfgs import lbfgs
from converge_lib.descent.line_search import strong_wolfe
from converge_lib.descent.newton import newton
from converge_lib.descent.objective import Counts, Objective, Result
from converge_lib.descent.solvers import (
    SOLVERS,
    Adadelta,
    AdaGrad,
    Adam,
    AdamW,
    GradientDescent,
    Momentum,
    Nesterov,
    RMSProp,
    Solver,
)
from converge_lib.descent.surfaces import SURFACES, Surface, surface

__all__ = [
    "SOLVERS",
    "SURFACES",
    "AdaGrad",
    "Adadelta",
    "Adam",
    "AdamW",
    "Counts",
    "GradientDescent",
    "Momentum",
    "Nesterov",
    "Objective",
    "RMSProp",
    "Result",
    "Solver",
    "Surface",
    "descend",
    "lbfgs",
    "linear_cg",
    "newton",
    "nonlinear_cg",
    "strong_wolfe",
    "surface",
]
