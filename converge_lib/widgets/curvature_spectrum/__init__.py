"""CurvatureSpectrum: condition number and rate of convergence, theory against measured."""
