"""Passes over the Hessian and its Gauss-Newton part."""
