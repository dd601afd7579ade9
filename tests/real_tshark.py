"""The real tshark, as the judge of layouts: writes captures with text2pcap and prints them with tshark."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

__all__ = ["DISSECTOR", "Tshark", "find_tshark"]

_USER0 = "147"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

DISSECTOR = """
local vebus = Proto("vebus", "Victron VE.Bus")
local checksum = ProtoField.uint8("vebus.checksum", "Checksum", base.HEX)
local mains = ProtoField.bool("vebus.mains", "Mains on", 8, nil, 1)
local bad = ProtoExpert.new("vebus.bad", "Bad checksum", expert.group.CHECKSUM, expert.severity.ERROR)
vebus.fields = {checksum, mains}
vebus.experts = {bad}
function vebus.dissector(tvb, pinfo, tree)
  pinfo.cols.protocol = "VE.Bus"
  pinfo.cols.info = "Reply, Nr=60"
  pinfo.cols.src = "Multi"
  pinfo.cols.dst = "Bus"
  local block = tree:add(vebus, tvb(), "Victron VE.Bus, Data")
  block:add(checksum, tvb(tvb:len() - 2, 1)):add_proto_expert_info(bad)
  block:add(mains, tvb(0, 1))
  local plain = ByteArray.new(UNSTUFFED):tvb("Unstuffed VE.Bus")
  block:add(plain(0, 1), "Plain")
end
DissectorTable.get("wtap_encap"):add(wtap.USER0, vebus)
"""
"""A dissector with a second data source, an expert item and a bit field; UNSTUFFED stands for a quoted hex string."""


@dataclass(frozen=True)
class Tshark:
    """The two programs, and a folder for what they read."""

    tshark: str
    text2pcap: str
    folder: Path

    def capture(self, frames: list[tuple[int, bytes]], *, interface: str = "") -> Path:
        """Write frames, each with its time in microseconds since 1970; pcapng if an interface is named, else pcap."""
        stamps = [f"{_EPOCH + timedelta(microseconds=at):%Y-%m-%d %H:%M:%S.%f}" for at, _ in frames]
        text = "".join(f"{stamp}\n0000 {data.hex(' ')}\n" for stamp, (_, data) in zip(stamps, frames, strict=True))
        source, path = self.folder / "frames.txt", self.folder / "frames.cap"
        source.write_text(text, encoding="ascii")
        form = ("-F", "pcapng", "-N", interface) if interface else ("-F", "pcap")
        self._run(self.text2pcap, "-t", "%Y-%m-%d %H:%M:%S.%f", "-l", _USER0, *form, str(source), str(path))
        return path

    def dissector(self, unstuffed: bytes) -> str:
        """Argument for ``-X`` that loads DISSECTOR."""
        path = self.folder / "vebus.lua"
        path.write_text(DISSECTOR.replace("UNSTUFFED", f'"{unstuffed.hex()}"'), encoding="ascii")
        return f"lua_script:{path}"

    def lines(self, path: Path, *arguments: str, zone: str = "UTC0") -> list[str]:
        """What tshark prints of a capture, in a time zone (a POSIX TZ text)."""
        return self._run(self.tshark, "-r", str(path), *arguments, zone=zone).splitlines()

    def _run(self, *arguments: str, zone: str = "UTC0") -> str:
        settings = {"TZ": zone, "LC_ALL": "C.UTF-8", "WIRESHARK_CONFIG_DIR": str(self.folder / "no-settings")}
        environment = {**os.environ, **settings}
        done = subprocess.run(arguments, env=environment, capture_output=True, check=True, timeout=60)
        return done.stdout.decode("utf-8")


def find_tshark(folder: Path) -> Tshark:
    """Both programs; the test is skipped where they are missing, and fails where CI is set: there they belong."""
    tshark, text2pcap = shutil.which("tshark"), shutil.which("text2pcap")
    if tshark and text2pcap:
        return Tshark(tshark, text2pcap, folder)
    reason = "tshark and text2pcap are not installed (Debian package tshark)"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)
