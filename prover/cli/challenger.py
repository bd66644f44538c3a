"""`inferproof challenger`: catch wrong claims and overturn them. Its verbs are thin, over `verifier.challenger`."""

from __future__ import annotations

import typer

from prover.cli.challenger_moves import challenge, check, move, next_moves, watch
from prover.cli.challenger_reports import claims, clocks, credits_, explain, export_evidence, replay_, show

app = typer.Typer(no_args_is_help=True, help="Check claims of the optimistic route, and overturn wrong ones.")
app.command("watch")(watch)
app.command("check")(check)
app.command("challenge")(challenge)
app.command("move")(move)
app.command("next-moves")(next_moves)
app.command("claims")(claims)
app.command("show")(show)
app.command("clocks")(clocks)
app.command("credits")(credits_)
app.command("explain")(explain)
app.command("export-evidence")(export_evidence)
app.command("replay")(replay_)
