"""The benchmarks: commands that compare EchoODE with other methods; never part of the timed tests."""
