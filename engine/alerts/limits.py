"""The numbers by which alerts behave."""

from engine.thresholds import ThresholdSpec, threshold

COOLDOWN = threshold(
    ThresholdSpec(
        "alerts.cooldown_min",
        default=30.0,
        low=0.0,
        high=1_440.0,
        step=5.0,
        unit="minutes",
        why="An alert that fires again so soon after its end goes on as the same one, and channels hear of it once in that time.",
    )
)
ESCALATE = threshold(
    ThresholdSpec(
        "alerts.escalate_min",
        default=30.0,
        low=0.0,
        high=1_440.0,
        step=5.0,
        unit="minutes",
        why="An error that nobody has acknowledged for so long is escalated; 0 escalates nothing.",
    )
)
REPEAT = threshold(
    ThresholdSpec(
        "alerts.repeat_hours",
        default=24.0,
        low=0.0,
        high=168.0,
        step=1.0,
        unit="hours",
        why="An error that was escalated and that still nobody has acknowledged is told again each time so long has passed; 0: never.",
    )
)
GROUP = threshold(
    ThresholdSpec(
        "alerts.group_above",
        default=5.0,
        low=1.0,
        high=100.0,
        step=1.0,
        unit="alerts",
        why="When more than so many subjects begin to break one rule within a cooldown, one alert stands for all that follow.",
    )
)
DISK = threshold(
    ThresholdSpec(
        "alerts.disk_free_mib",
        default=1_024.0,
        low=128.0,
        high=1_048_576.0,
        step=128.0,
        unit="MiB",
        why="With less room on the disk of the home a person is told: runs wait once there is none.",
    )
)
WORSE = threshold(
    ThresholdSpec(
        "alerts.quality_worse",
        default=1.5,
        low=1.1,
        high=10.0,
        step=0.1,
        unit="times",
        why="The share of rows flagged or set aside in the last 10 sessions against those before: from here on quality is getting worse.",
    )
)
BUDGET = threshold(
    ThresholdSpec(
        "cost.monthly_budget_usd",
        default=5.0,
        low=0.0,
        high=1_000_000.0,
        step=1.0,
        unit="USD a month",
        why="When the forecast of this month's bill is above it, a person is told before the money is spent; 0 is no budget.",
    )
)
