"""One judgement by Great Expectations, in an environment of its own: `python -m benchmarks.parts.ge_checks ge ROWS SHARE`."""

import json
import sys
import time

import great_expectations as gx
import numpy as np

from benchmarks.parts.bad_rows import paisa_of
from benchmarks.parts.rival_rules import RULES, frame_of


def main() -> None:
    """Measure one validation: every rule as a column of truth, failing rows by their number; one small warm-up goes before."""
    rows, share = int(sys.argv[2]), float(sys.argv[3])
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False, "metric_calculations": False}
    asset = context.data_sources.add_pandas("rows").add_dataframe_asset("rows")
    batch = asset.add_batch_definition_whole_dataframe("all")
    expected = [gx.expectations.ExpectColumnValuesToBeInSet(column=name, value_set=[True]) for name in RULES]
    suite = context.suites.add(gx.ExpectationSuite(name="rules", expectations=expected))
    validation = context.validation_definitions.add(gx.ValidationDefinition(name="rows", data=batch, suite=suite))
    form = {"result_format": "COMPLETE", "unexpected_index_column_names": ["row"], "return_unexpected_index_query": False}

    def judge(frame: object) -> int:
        given = type(frame)({name: rule(frame) for name, rule in RULES.items()})
        given["row"] = np.arange(len(given))
        result = validation.run(batch_parameters={"dataframe": given}, result_format=form)
        failing = {entry["row"] for one in result.results for entry in one.result.get("unexpected_index_list") or []}
        good = np.ones(len(given), bool)
        good[list(failing)] = False
        _ = frame[good], frame[~good]
        return len(failing)

    judge(frame_of(paisa_of(350, 0.01)[0]))
    frame = frame_of(paisa_of(rows, share)[0])
    began = time.process_time()
    bad = judge(frame)
    print(json.dumps({"cpu": time.process_time() - began, "bad": bad}))


if __name__ == "__main__":
    main()
