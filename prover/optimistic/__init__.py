"""The optimistic route for who submits: run and commit, claim under bond, defend until it is final."""
