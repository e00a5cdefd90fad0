"""The small package under *GANs, measured*: one module an idea, plain functions, no framework.

Read `losses`, then `train`, then `ensemble`: the book is about those three.
"""

__version__ = "0.1.0"
