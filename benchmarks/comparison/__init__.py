"""What ``benchmarks.compare`` is made of: client, workloads, peers, report."""
