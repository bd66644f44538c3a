"""The optimistic route's disputes, as anyone can check them: docs/protocol/optimistic.md."""
