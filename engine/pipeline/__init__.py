"""The machine that runs pipelines: graph, execution, runner, rescue, schedule ledger."""
