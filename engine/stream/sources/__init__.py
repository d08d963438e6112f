import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from engine.market.floorsheet import read_floorsheet
from engine.stream.records import Records
from engine.stream.sources.source import *
from engine.stream.ticks import *


@dataclass
class Received:
    records: object
    position: str
    ended: bool


class Reader:
    def __init__(s, sheet, pos, symbols, speed):
        s.codes = symbols.codes(sheet.symbols.names)
        s.sheet = sheet
        s.ticks = sheet.ticks.in_order()
        s.at = int(pos or 0)
        s.symbols = symbols

    def poll(s, most, timeout):
        t = s.ticks.take(slice(s.at, s.at + most))
        t = Ticks(t.contract, t.time, s.codes[t.symbol], t.quantity, t.rate)
        s.at += len(t)
        return Received(Records(t, s.symbols, t.time.copy()), str(s.at), s.at >= len(s.ticks))


class Src:
    name = "floorsheet"
    simulated = False
    speed = None

    def __init__(s, d):
        s.d = Path(d)

    def sessions(s):
        return sorted(date.fromisoformat(p.name[:10]) for p in s.d.glob("*.gz"))

    def open(s, session, position, *, symbols, speed):
        p = s.d / f"{session}.csv.gz"
        return Reader(read_floorsheet(p.read_bytes(), p.name), position, symbols, speed)


def open_ticks(runtime):
    return Src(runtime.settings.source_dir / "floorsheet")
