"""The fast executor: the interpreter's integers, by matrix products."""

from circuits.execute.executor import Executor, execute

__all__ = ["Executor", "execute"]
