"""The metrics, one module a noun: each function is one, and its docstring the help text."""
