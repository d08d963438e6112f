from typing import Any

TickReader = Any
TickSource = Any
