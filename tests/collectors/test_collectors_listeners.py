"""The listeners topic: addresses, owners, what still runs replaced files, and what cannot be told."""

from __future__ import annotations

from dataclasses import replace

import pytest

from collectors import listeners
from collectors.base import Answers, Facts
from collectors.listeners import Socket
from posture.model.observation import Blind, Hole
from tests.collectors.authored import told_by
from tests.collectors.transcripts import answer, as_declared, facts_of, holes_of, recorded, refused

LINE = 'tcp   LISTEN 0      128    {local} 0.0.0.0:*    users:(("sshd",pid=812,fd=3))\n'
PS = "    1 root     init.scope     systemd\n  812 root     ssh.service    sshd\n"
AUTHORED_FENCES = """\
UNIT                                 EXPOSURE PREDICATE HAPPY
ssh.service                               9.6 UNSAFE    :-{
systemd-timesyncd.service                 2.1 OK        :-)
"""


def _answers(ss: str, ps: str = PS, deleted: str = "", complaints: str = "") -> Answers:
    return told_by(
        listeners.COLLECTOR,
        answer("listeners.sockets", ss),
        answer("listeners.owners", ss),
        answer("listeners.processes", ps),
        answer("listeners.fences", AUTHORED_FENCES),
        answer("listeners.deleted", deleted, complaints, 1 if complaints else 0),
    )


def _one(answers: Answers) -> Socket:
    (socket,) = facts_of(listeners.COLLECTOR, answers).value.sockets.items
    assert isinstance(socket, Socket)
    return socket


def _recorded() -> dict[str, Socket]:
    parsed = facts_of(listeners.COLLECTOR, as_declared(listeners.COLLECTOR, recorded("recorded_debian12_listeners")))
    return {socket.endpoint: socket for socket in parsed.value.sockets.items}


def test_recorded_sockets_have_owner_and_reach():
    sockets = _recorded()
    assert sorted(sockets) == ["tcp/53", "tcp/8080", "tcp/8443", "tcp/9000", "tcp/9001", "udp/514"]
    assert sockets["tcp/8080"].every_address
    assert sockets["tcp/8443"].every_address
    assert sockets["tcp/9001"].loopback
    assert sockets["tcp/53"].loopback
    assert sockets["tcp/8080"].process == "python3"
    assert sockets["tcp/8080"].user == "root"
    assert sockets["tcp/8080"].users == ["nobody", "root"]


def test_ports_beyond_loopback_are_listed_once():
    parsed = facts_of(listeners.COLLECTOR, as_declared(listeners.COLLECTOR, recorded("recorded_debian12_listeners")))
    assert parsed.value.tcp_ports.items == [8080, 8443]
    assert parsed.value.tcp_ports.complete


def test_a_library_replaced_under_a_listener_is_seen():
    assert _recorded()["tcp/8080"].deleted_libraries == ["/tmp/libz-old.so.1"]


def test_unit_and_exposure_come_from_the_process():
    socket = _one(_answers(LINE.format(local="0.0.0.0:22")))
    assert (socket.unit, socket.exposure) == ("ssh.service", 9.6)


@pytest.mark.parametrize(
    ("local", "address", "interface", "every", "loopback"),
    [
        ("0.0.0.0:22", "0.0.0.0", "", True, False),
        ("*:22", "*", "", True, False),
        ("[::]:22", "::", "", True, False),
        ("[::1]:22", "::1", "", False, True),
        ("127.0.0.1:22", "127.0.0.1", "", False, True),
        ("127.0.0.53%lo:22", "127.0.0.53", "lo", False, True),
        ("[::ffff:127.0.0.1]:22", "::ffff:127.0.0.1", "", False, True),
        ("[fe80::1]%eth0:22", "fe80::1", "eth0", False, False),
        ("192.0.2.7:22", "192.0.2.7", "", False, False),
    ],
)
def test_addresses(local, address, interface, every, loopback):
    socket = _one(_answers(LINE.format(local=local)))
    assert (socket.address, socket.interface, socket.port) == (address, interface, 22)
    assert (socket.every_address, socket.loopback) == (every, loopback)


def test_without_root_addresses_are_seen_and_owners_are_not():
    answers = _answers(LINE.format(local="0.0.0.0:22").replace('users:(("sshd",pid=812,fd=3))', ""))
    parsed = facts_of(listeners.COLLECTOR, refused(answers, "listeners.owners"))
    assert [socket.endpoint for socket in parsed.value.sockets.items] == ["tcp/22"]
    assert parsed.value.sockets.complete
    assert holes_of(parsed)["sockets[*].process"] is Blind.COMMAND_REFUSED
    assert holes_of(parsed)["sockets[*].deleted_libraries"] is Blind.COMMAND_REFUSED


def test_a_socket_without_a_visible_owner_is_not_called_the_kernels():
    ss = LINE.format(local="0.0.0.0:22") + "tcp LISTEN 0 64 0.0.0.0:2049 0.0.0.0:*\n"
    holes = holes_of(facts_of(listeners.COLLECTOR, _answers(ss)))
    assert holes["sockets[endpoint=tcp/2049].user"] is Blind.COMMAND_REFUSED
    assert not any("tcp/22]" in path for path in holes)


def test_map_files_that_may_not_be_read_are_a_hole_only_for_listeners():
    ss = LINE.format(local="0.0.0.0:22")
    mine = _answers(ss, complaints="/usr/bin/find: '/proc/812/map_files': Permission denied\n")
    other = _answers(ss, complaints="/usr/bin/find: '/proc/9/map_files': No such file or directory\n")
    assert "sockets[*].deleted_libraries" in holes_of(facts_of(listeners.COLLECTOR, mine))
    assert not facts_of(listeners.COLLECTOR, other).holes


def test_a_replaced_program_counts_as_well():
    socket = _one(_answers(LINE.format(local="0.0.0.0:22"), deleted="/proc/812 /usr/sbin/sshd (deleted)\0"))
    assert socket.deleted_libraries == ["/usr/sbin/sshd"]


def test_one_address_shared_by_several_workers_is_one_socket():
    ss = LINE.format(local="0.0.0.0:22") * 8
    assert _one(_answers(ss)).port == 22


def test_a_line_nobody_can_read_makes_the_list_incomplete():
    parsed = facts_of(listeners.COLLECTOR, _answers(LINE.format(local="0.0.0.0:22") + "tcp LISTEN\n"))
    assert not parsed.value.sockets.complete


def test_output_that_was_cut_off_is_incomplete_and_its_last_line_is_not_believed():
    answers = dict(_answers(LINE.format(local="0.0.0.0:22") + LINE.format(local="0.0.0.0:2299")))
    for id_ in ("listeners.sockets", "listeners.owners"):
        cut = answers[id_].stdout.rpartition(b"99")[0]
        answers[id_] = replace(answers[id_], stdout=cut, truncated=True, exit_code=141)
    parsed = listeners.parse(answers)
    assert isinstance(parsed, Facts)
    assert [socket.endpoint for socket in parsed.value.sockets.items] == ["tcp/22"]
    assert not parsed.value.sockets.complete


def test_no_listener_at_all_is_an_answer():
    parsed = facts_of(listeners.COLLECTOR, _answers(""))
    assert parsed.value.sockets.complete
    assert not parsed.value.sockets.items


def test_garbage_is_not_an_empty_list():
    parsed = listeners.parse(_answers("no such thing as ss\n"))
    assert isinstance(parsed, Hole)
    assert parsed.reason is Blind.UNPARSEABLE
