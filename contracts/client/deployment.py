"""Where the contracts of one chain are: a small JSON file that every role reads."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from circuits.errors import InputError


@dataclass(frozen=True)
class Deployment:
    """Addresses by contract name, and the block from which events are worth reading."""

    chain_id: int
    start_block: int
    addresses: dict[str, str]

    def __getitem__(self, contract: str) -> str:
        try:
            return self.addresses[contract]
        except KeyError:
            raise InputError("deployment_incomplete", f"the deployment has no {contract}", contract=contract) from None

    def save(self, path: Path) -> None:
        path.write_text(json.dumps(asdict(self), indent=2, sort_keys=True) + "\n")

    @classmethod
    def load(cls, path: Path) -> Deployment:
        try:
            body = json.loads(path.read_text())
            return cls(int(body["chain_id"]), int(body["start_block"]), dict(body["addresses"]))
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                "deployment_unreadable", f"{path} is no deployment file: {error}", path=str(path)
            ) from error
