"""Tests of the benchmarks that write what documents say."""
