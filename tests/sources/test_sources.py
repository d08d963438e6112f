from pathlib import Path

import pytest

from engine.clock import FakeClock
from engine.errors import SourceMisconfigured
from engine.settings import Settings, SourceName
from engine.sources import SOURCES, open_source


@pytest.fixture
def settings(tmp_path) -> Settings:
    (tmp_path / "daily").mkdir()
    return Settings(source=SourceName.FILES, source_dir=tmp_path)


def test_every_name_of_the_settings_has_a_source():
    assert set(SOURCES) == set(SourceName)


@pytest.mark.parametrize("name", list(SourceName))
def test_a_source_bears_the_name_it_is_chosen_by_and_says_whether_it_is_made_up(name, settings):
    source = open_source(settings.model_copy(update={"source": name}), FakeClock())

    assert source.name == name
    assert source.simulated is (name is SourceName.SIMULATED)


def test_files_without_a_folder_say_what_to_set(settings):
    with pytest.raises(SourceMisconfigured, match="NEPSE_SOURCE_DIR"):
        SOURCES[SourceName.FILES](settings.model_copy(update={"source_dir": None}), FakeClock())


def test_opening_a_source_reads_nothing(settings):
    open_source(settings.model_copy(update={"source_dir": Path("/nowhere")}), FakeClock())
