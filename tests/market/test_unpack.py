import gzip

import pytest

from engine.errors import UnreadableFile
from engine.market.unpack import MAX_BYTES, unpack

TEXT = b"Symbol,Open\nADBL,1\n" * 500


def test_plain_text_comes_back_as_it_is():
    assert unpack(TEXT, "f.csv") == TEXT


def test_gzip_of_several_members_is_one_text():
    assert unpack(gzip.compress(TEXT) + gzip.compress(TEXT), "f.csv.gz") == TEXT * 2


def test_zero_padding_after_gzip_is_no_fault():
    assert unpack(gzip.compress(TEXT) + b"\0" * 512, "f.csv.gz") == TEXT


@pytest.mark.parametrize("content", [b"", b"  \n \n", gzip.compress(b"", mtime=0), b"\xef\xbb\xbf"])
def test_an_empty_file_is_unreadable(content):
    with pytest.raises(UnreadableFile, match="empty"):
        unpack(content, "f.csv.gz")


def test_a_torn_file_says_how_far_it_came():
    with pytest.raises(UnreadableFile, match=r"f\.csv\.gz is torn"):
        unpack(gzip.compress(TEXT)[:-12], "f.csv.gz")


def test_a_flipped_byte_is_noticed():
    packed = bytearray(gzip.compress(TEXT))
    packed[-6] ^= 1  # in the checksum

    with pytest.raises(UnreadableFile, match="damaged"):
        unpack(bytes(packed), "f.csv.gz")


def test_other_bytes_after_gzip_are_noticed():
    with pytest.raises(UnreadableFile, match="7 bytes after its end"):
        unpack(gzip.compress(TEXT) + b"garbage", "f.csv.gz")


def test_a_bomb_is_stopped_by_its_ratio_long_before_it_is_unpacked():
    bomb = gzip.compress(b"\0" * (64 * 1024 * 1024))

    with pytest.raises(UnreadableFile, match=r"to more than [78],"):
        unpack(bomb, "f.csv.gz")


def test_plain_text_beyond_any_daily_file_is_refused():
    with pytest.raises(UnreadableFile, match="which such a file never has"):
        unpack(b"x" * (MAX_BYTES + 1), "f.csv")
