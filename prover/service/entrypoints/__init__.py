"""How the service is started and talked to."""
