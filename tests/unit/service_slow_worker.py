"""A real worker process over a prover that waits while the file `hold` is in the data folder."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path

from service_fakes import FakeProver, deps_over

from prover.backend import Progress
from prover.service.entrypoints.logs import configure_logs
from prover.service.entrypoints.worker import settings_from_parent, work


def holding(folder: Path) -> FakeProver:
    def during(progress: Progress) -> None:
        while (folder / "hold").exists():
            progress("prove", 0.3)
            time.sleep(0.02)

    return FakeProver(during=during)


if __name__ == "__main__":
    configure_logs()
    settings = settings_from_parent()
    deps = replace(deps_over(settings), prover=holding(settings.data_dir), clock=time.time)
    sys.exit(work(deps, sys.argv[1:]))
