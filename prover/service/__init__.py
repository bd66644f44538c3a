"""The service: jobs over HTTP and from a hub's log, proven by workers, delivered to the chain.

Its surface: `settings.Settings`, `entrypoints.serve.run_serve`, `entrypoints.worker.run_worker`. Nothing is imported
here: every verb of the command line reads the settings, and only two need a web server.
"""
