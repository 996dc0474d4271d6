"""Hundreds of inputs, each a right one with something wrong in it, made from seeds."""
