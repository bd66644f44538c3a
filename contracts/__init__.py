"""Who pays and delivers: the Foundry project, and its Python client in `contracts.client`."""
