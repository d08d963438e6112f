"""What operators turn about the lifecycle of the lake."""

from engine.thresholds import ThresholdSpec, threshold

MOST = 600  # months
COMPACT = threshold(
    ThresholdSpec(
        "lifecycle.compact_after_months",
        0,
        0,
        MOST,
        1,
        "months",
        "from which age on a month of the lake is packed into one file a dataset, each night; 0: only when asked",
    )
)
COLD = threshold(
    ThresholdSpec(
        "lifecycle.cold_after_months",
        0,
        0,
        MOST,
        1,
        "months",
        "from which age on packed months are moved to NEPSE_COLD, each night; 0: only when asked",
    )
)
