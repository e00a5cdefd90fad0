"""The small package under *GANs, measured*: one module an idea, plain functions, no framework.

Read it in the order `losses`, `train`, `ensemble`: forty lines each, and the book is about those.
"""

__version__ = "0.1.0"
