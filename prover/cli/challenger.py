"""`inferproof challenger`: catch wrong claims and overturn them. Its verbs are thin, over `verifier.challenger`."""

from __future__ import annotations

from prover.cli.late_verbs import Verb, late_group

MOVES, REPORTS = "prover.cli.challenger_moves", "prover.cli.challenger_reports"

VERBS = {
    "watch": Verb("Follows every claim, from where its store stands.", MOVES, "watch"),
    "check": Verb("Runs the program on the claim's input and compares", MOVES, "check"),
    "challenge": Verb("Puts a bond on a claim's being wrong, after a self-test of this machine.", MOVES, "challenge"),
    "move": Verb("Makes the move that is due in a challenge of ours, if one is.", MOVES, "move"),
    "next-moves": Verb("What is due in every open challenge of ours, or whom it waits for.", MOVES, "next_moves"),
    "claims": Verb("Lists every claim since --from-block, with what this store knows of it.", REPORTS, "claims"),
    "show": Verb("Shows a claim with its terms, roots and challenges.", REPORTS, "show"),
    "clocks": Verb("Whose turn it is in our open challenges, and what is left on both clocks", REPORTS, "clocks"),
    "credits": Verb("What the contract owes us, what is at stake, what gas has cost", REPORTS, "credits_"),
    "explain": Verb("What is wrong with a claim", REPORTS, "explain"),
    "export-evidence": Verb(
        "Writes a file that shows a claim to be wrong to anybody, without a chain or the program",
        REPORTS,
        "export_evidence",
    ),
    "replay": Verb("Checks a file of evidence, from whomever it is", REPORTS, "replay_"),
}

app = late_group(VERBS, "Check claims of the optimistic route, and overturn wrong ones.")
