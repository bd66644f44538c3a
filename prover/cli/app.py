"""The tree of verbs."""

from __future__ import annotations

import typer

from prover.cli import demo, devnet, doctor, listing, model, proofs, request, serve, srs
from verifier.cli import verify_proof

app = typer.Typer(
    name="inferproof",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Verifiable inference: a contract consumes a neural network's output that the chain itself has checked.",
)
model.app.command("register")(listing.register)
model.app.command("audit")(proofs.audit)
app.add_typer(model.app, name="model")
app.add_typer(srs.app, name="srs")
app.add_typer(devnet.app, name="devnet")
app.command("setup")(proofs.setup)
app.command("prove")(proofs.prove)
app.command("verify")(verify_proof)
app.command("request")(request.request)
app.command("serve")(serve.serve)
app.command("worker")(serve.worker)
app.command("demo")(demo.demo)
app.command("doctor")(doctor.doctor)
