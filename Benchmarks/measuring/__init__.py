"""What the benchmarks share: see Benchmarks/bench and Benchmarks/programs."""
