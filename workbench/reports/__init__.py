"""Reports: what runs achieved, for people and for machines.

Nothing is imported here, so that a format costs only what it needs:

- `folder.read_report_run(path, *, label="", reused=False) -> ReportRun`
- `build.build_report(runs, *, suite, references, gates, baseline) -> dict`, schema 1
- `gates.parse_gate(text) -> Gate`, `gates.check_gates(gates, labels)` before anything runs
- `baseline.parse_tolerance(text)`, `baseline.read_baseline(path, tolerances) -> Baseline`,
  `baseline.check_baseline(baseline, labels)` before anything runs
- `compare.compare_runs(runs) -> dict`
- `write.write_report(report, path)` by extension, `write.check_report_path(path)` before
- `terminal.print_table(report, console)`, `terminal.print_comparison(comparison, console)`
"""
