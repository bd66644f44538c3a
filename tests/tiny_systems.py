"""A system small enough to change by hand: y = c·x over four cells, the products looked up in a table of three rows."""

from circuits.lower.sumcheck.layout import layout
from circuits.lower.sumcheck.system import Fractions, Identity, Kind, Reading, System, Tensor, Term
from circuits.program.refs import UNMAPPED, AffineMap
from verifier.curve import IDENTITY
from verifier.sumcheck_key import SumcheckKey

ROW_BITS = 4
X, Y, ONE, ROW, C, TABLE, W, TIMES = range(8)
ALONG = AffineMap((4,), (0,), ((1,),))
THREE = AffineMap((3,), (0,), ((1,),))


def one(tensor: int, how: AffineMap = ALONG, coefficient: int = 1) -> Term:
    return Term(coefficient, (Reading(tensor, how),))


def tiny_system() -> System:
    tensors = (
        Tensor(Kind.INPUT, (4,), 8),
        Tensor(Kind.OUTPUT, (4,), 16),
        Tensor(Kind.ONES, ()),
        Tensor(Kind.IOTA, (3,)),
        Tensor(Kind.SETUP, (4,)),
        Tensor(Kind.SETUP, (3,)),
        Tensor(Kind.WITNESS, (4,)),
        Tensor(Kind.WITNESS, (3,)),
    )
    product = Term(-1, (Reading(C, ALONG), Reading(X, ALONG)))
    identities = (Identity((4,), (one(W), product)), Identity((4,), (one(W), one(Y, coefficient=-1))))
    looked_up = Fractions(1, (4,), one(ONE, UNMAPPED), ((one(W),),))
    offered = Fractions(1, (3,), one(TIMES, THREE, -1), ((one(TABLE, THREE),),))
    numbered = Fractions(2, (3,), one(ONE, UNMAPPED), ((one(ROW, THREE), one(ONE, UNMAPPED, -(2**100))), ()))
    return System(tensors, identities, (looked_up, offered, numbered))


def tiny_key(system: System | None = None, row_bits: int = ROW_BITS) -> SumcheckKey:
    system = system or tiny_system()
    rows = len(layout(system, row_bits).setup_rows)
    return SumcheckKey(b"\x11" * 32, b"\x22" * 32, row_bits, (IDENTITY,) * rows, system)
