"""What is computed: statements, the integer program, its import, quantization and lowering. No keys, no network, no clock."""
