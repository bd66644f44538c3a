"""What is computed: statements, the integer program, its import, quantization, lowering. No keys, network or clock."""
