"""A pipeline that cannot work is refused where it is written."""

import pytest

from engine.errors import UnknownName, UsageError
from engine.pipeline.context import StageContext
from engine.pipeline.graph import find
from engine.pipelines import PIPELINES


def _stages(trial):
    @trial.stage()
    def first(context: StageContext) -> int:
        """Give one."""
        return 1

    @trial.stage(attempts=5)
    def second(first: int) -> int:
        """Add one."""
        return first + 1


def test_the_parameters_of_a_stage_are_its_inputs_and_their_order_is_kept(trial):
    _stages(trial)

    assert [(stage.name, stage.inputs, stage.attempts) for stage in trial.order] == [("first", (), 3), ("second", ("first",), 5)]


def test_a_registered_function_stays_what_it_was(trial):
    @trial.stage()
    def first() -> int:
        return 1

    assert first() == 1


def test_a_parameter_that_no_earlier_stage_gives_is_refused(trial):
    _stages(trial)
    with pytest.raises(UsageError, match=r"stage trial\.third takes secnd, which no earlier stage gives \(earlier stages: first, second\)"):

        @trial.stage()
        def third(secnd: int) -> int:
            return secnd


def test_a_stage_cannot_take_its_own_output(trial):
    with pytest.raises(UsageError, match="no earlier stage gives"):

        @trial.stage()
        def first(first: int) -> int:
            return first


def test_two_stages_of_one_name_are_refused(trial):
    _stages(trial)
    with pytest.raises(UsageError, match="pipeline trial has two stages called first"):

        @trial.stage()
        def first() -> int:
            return 1


def test_a_stage_without_a_return_type_is_refused(trial):
    with pytest.raises(UsageError, match=r"stage trial\.first needs a return type"):

        @trial.stage()
        def first():
            return 1


def test_an_unknown_stage_is_answered_with_those_there_are(trial):
    _stages(trial)

    with pytest.raises(UnknownName, match="no stage 'gold'; its stages are first, second"):
        trial.position("gold")


def test_an_unknown_pipeline_is_answered_with_those_there_are():
    with pytest.raises(UnknownName, match="no pipeline is called 'ticks'; there are daily_prices"):
        find(PIPELINES, "ticks")


@pytest.mark.parametrize("pipeline", PIPELINES.values(), ids=PIPELINES)
def test_every_stage_of_every_pipeline_says_what_it_does(pipeline):
    assert all(stage.summary for stage in pipeline.order)
