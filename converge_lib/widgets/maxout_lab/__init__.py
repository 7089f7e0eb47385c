"""MaxoutLab: gradient descent bends the lines of a maxout unit into a target function."""
