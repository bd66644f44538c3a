"""Who convinces: backends, kernels, service, command line."""
