"""What the product does by itself for its own safety, beside the runs: one at a time over all runners, each execution a row."""

from engine.jobs.catalogue import JOBS, Job

__all__ = ["JOBS", "Job"]
