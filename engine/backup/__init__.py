"""Copies of a home that can be trusted: made while it works, verified, restored, drilled; and the lake read again for damage."""
