"""Structure: what a unit computes, how layers share it, and what a network can show for it.

Nearly every module here needs torch, so each name is imported from its own module.
"""
