"""A tiny model that went the whole way on the sumcheck route by the command line, and its files forged."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import halo2_programs
from other_srs import write_other_srs

from circuits.program.file import load_program, save_program
from circuits.program.graph import Program
from prover.cli.app import run_cli
from prover.srs import srs_g2
from verifier.curve import G1_GENERATOR, POINT_BYTES, encode_point

SRS_K = 12
# In the order of Bench's fields.
FILES = ("a.program", "b.program", "a.json", "b.json", "srs", "a.key", "b.key", "srs.key", "a.proof", "srs.proof")


@dataclass(frozen=True)
class Bench:
    """Files of a model that went the whole way once, and of another one."""

    folder: Path
    program: Path
    other_program: Path
    input: Path
    other_input: Path
    srs: Path
    key: Path
    other_key: Path
    srs_key: Path
    proof: Path
    srs_proof: Path

    def verifying(self, *extra: object) -> list[object]:
        return ["verify", self.proof, "--key", self.key, "--program", self.program, *extra]

    def proving(self, *extra: object) -> list[object]:
        return ["prove", self.program, self.input, "--key", self.key, "-o", self.folder / "unwanted.json", *extra]


def save_input(path: Path, program: Program, seed: int) -> None:
    integers = halo2_programs.random_inputs(program, seed)[0]
    path.write_text(json.dumps({"integers": {"x": integers.tolist()}}))


def make_bench(folder: Path) -> Bench:
    """Over the development SRS, and over one of another secret."""
    made = Bench(folder, *(folder / name for name in FILES))
    save_program(halo2_programs.gemm_relu(), made.program)
    save_program(halo2_programs.gemm_relu(seed=2), made.other_program)
    save_input(made.input, load_program(made.program), 1)
    save_input(made.other_input, load_program(made.program), 2)
    write_other_srs(SRS_K, made.srs)
    steps = [
        ["setup", made.program, "--route", "sumcheck", "-o", made.key],
        ["setup", made.other_program, "--route", "sumcheck", "-o", made.other_key],
        ["setup", made.program, "--route", "sumcheck", "--srs", made.srs, "-o", made.srs_key],
        ["prove", made.program, made.input, "--key", made.key, "--route", "sumcheck", "-o", made.proof],
        ["prove", made.program, made.input, "--key", made.srs_key, "--srs", made.srs, "-o", made.srs_proof],
    ]
    for step in steps:
        assert run_cli([str(part) for part in step]) == 0
    return made


def changed(path: Path, target: Path, **fields: object) -> Path:
    target.write_text(json.dumps({**json.loads(path.read_text()), **fields}))
    return target


def forged_key(bench: Bench, folder: Path) -> Path:
    """The key with another first commitment: that of other parameters."""
    raw = bytearray.fromhex(json.loads(bench.key.read_text())["key"][2:])
    start = 4 + 1 + 32 + 32 + 1 + 2
    raw[start : start + POINT_BYTES] = encode_point(G1_GENERATOR)
    return changed(bench.key, folder / "forged.key", key="0x" + raw.hex())


def hex_g2(path: Path) -> str:
    return "".join(f"{word:064x}" for word in srs_g2(path))
