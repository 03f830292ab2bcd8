"""The `kernel` topic and the sysctl files behind it."""

from __future__ import annotations

import pytest

from collectors.base import Answer
from collectors.kernel import COLLECTOR, KernelFacts
from collectors.records import FoundFile
from collectors.sysctl import configured, differing
from posture.model.observation import Blind
from tests.collectors.transcripts import as_declared, facts_of, holes_of, recorded, refused, told

SECURE_BOOT = "/sys/firmware/efi/efivars/SecureBoot-8be4df61-93ca-11d2-aa0d-00e098032b8c"


@pytest.fixture
def answers() -> dict[str, Answer]:
    return as_declared(COLLECTOR, recorded("recorded_debian12_kernel"))


def kernel(answers: dict[str, Answer]) -> KernelFacts:
    value = facts_of(COLLECTOR, answers).value
    assert isinstance(value, KernelFacts)
    return value


def file(path: str, text: str, kind: str = "f") -> FoundFile:
    return FoundFile(path, kind, "0644", "root", "root", len(text), text)


def test_running_values_are_numbers_and_unknown_keys_are_absent(answers):
    facts = kernel(answers)
    assert facts.sysctl["kernel.randomize_va_space"] == 2
    assert facts.sysctl["kernel.core_pattern"] == "core"
    assert "kernel.yama.ptrace_scope" not in facts.sysctl
    assert 'sysctl["kernel.yama.ptrace_scope"]' not in holes_of(facts_of(COLLECTOR, answers))


def test_what_files_set_and_the_kernel_does_not_have_is_drift(answers):
    facts = kernel(answers)
    assert facts.configured["fs.protected_regular"] == 2 and facts.sysctl["fs.protected_regular"] == 0
    assert "fs.protected_regular" in facts.drift.items and facts.drift.complete


def test_a_key_that_only_root_may_read_is_a_hole_of_its_own(answers):
    key = "kernel.kptr_restrict"
    open_ones = "".join(line for line in answers["kernel.sysctl"].text.splitlines(True) if not line.startswith(key))
    said = f"sysctl: permission denied on key '{key}'\n"
    facts = facts_of(COLLECTOR, told(refused(answers, "kernel.sysctl_root"), "kernel.sysctl", open_ones, said, 1))
    assert holes_of(facts)[f'sysctl["{key}"]'] is Blind.COMMAND_REFUSED
    assert facts.value.sysctl["kernel.randomize_va_space"] == 2
    assert key in kernel(told(answers, "kernel.sysctl", open_ones, said, 1)).sysctl


def test_without_any_sysctl_the_values_and_their_drift_are_unseen(answers):
    facts = facts_of(COLLECTOR, refused(answers, "kernel.sysctl_root", "kernel.sysctl"))
    assert facts.value.sysctl == {}
    assert {"sysctl", "drift"} <= holes_of(facts).keys()


def images(*names: str) -> str:
    return "".join(f"f /boot/vmlinuz-{name}\nf /boot/initrd.img-{name}\n" for name in names)


@pytest.mark.parametrize(
    ("running", "installed", "latest"),
    [
        ("6.1.0-28-amd64", ("6.1.0-9-amd64", "6.1.0-28-amd64"), True),
        ("6.1.0-9-amd64", ("6.1.0-9-amd64", "6.1.0-28-amd64"), False),
        ("6.1.0-9-amd64", ("6.1.0-9-amd64", "6.1.0-28-cloud-amd64"), True),
        ("5.14.0-427.13.1.el9_4.x86_64", ("5.14.0-427.13.1.el9_4.x86_64", "5.14.0-503.11.1.el9_5.x86_64"), False),
        ("5.14.0-427.13.1.el9_4.x86_64", ("0-rescue-0123456789abcdef", "5.14.0-427.13.1.el9_4.x86_64"), True),
        ("6.1.0-28-amd64", ("6.1.0-28-amd64", "6.12.43+deb13-amd64"), False),
        ("6.1.0-28-amd64", ("6.1.0-28-amd64", "6.9.7+bpo-amd64"), False),
        ("6.8.0-31-generic", (), None),
    ],
)
def test_whether_the_newest_kernel_runs(answers, running, installed, latest):
    host = told(told(answers, "kernel.release", f"{running}\n"), "kernel.images", images(*installed))
    facts = kernel(host)
    assert facts.running_is_newest is latest
    assert facts.reboot_required is (latest is False)


def test_a_kernel_of_no_installed_kind_leaves_unknown_whether_it_is_the_newest(answers):
    host = told(told(answers, "kernel.release", "6.1.0-28-custom\n"), "kernel.images", images("6.1.0-30-amd64"))
    assert {"running_is_newest", "reboot_required"} <= holes_of(facts_of(COLLECTOR, host)).keys()


def test_a_file_that_find_could_not_read_hides_what_is_configured(answers):
    denied = "/usr/bin/grep: /etc/sysctl.d/99-site.conf: Permission denied\n"
    holes = holes_of(facts_of(COLLECTOR, told(answers, "kernel.sysctl_files", "", denied)))
    assert holes["drift"] is Blind.COMMAND_REFUSED


def test_a_reboot_mark_asks_for_a_reboot_also_when_the_kernel_is_new(answers):
    assert kernel(told(answers, "kernel.reboot_mark", "/run/reboot-required\n")).reboot_required is True


def test_lockdown_and_security_modules(answers):
    """authored: this machine has no securityfs."""
    assert holes_of(facts_of(COLLECTOR, answers))["lockdown"] is Blind.UNPARSEABLE
    lsm = "/sys/kernel/security/lsm:lockdown,capability,yama,apparmor\n"
    locked = told(answers, "kernel.security", lsm + "/sys/kernel/security/lockdown:none [integrity] confidentiality\n")
    assert kernel(locked).lockdown == "integrity"
    assert kernel(locked).security_modules == ["lockdown", "capability", "yama", "apparmor"]


def test_a_kernel_without_the_lockdown_module_has_none_and_that_is_known(answers):
    missing = "grep: /sys/kernel/security/lockdown: No such file or directory\n"
    facts = facts_of(
        COLLECTOR, told(answers, "kernel.security", "/sys/kernel/security/lsm:capability,yama\n", missing, 2)
    )
    assert facts.value.lockdown is None and "lockdown" not in holes_of(facts)


@pytest.mark.parametrize(("octets", "enabled"), [("   6   0   0   0   1\n", True), ("   6   0   0   0   0\n", False)])
def test_secure_boot_is_the_fifth_byte(answers, octets, enabled):
    uefi = told(answers, "kernel.uefi", f"/sys/firmware/efi\n{SECURE_BOOT}\n")
    assert kernel(told(uefi, "kernel.secure_boot", octets)).secure_boot is enabled


def test_a_uefi_machine_whose_variable_cannot_be_read_is_unseen(answers):
    facts = facts_of(COLLECTOR, told(answers, "kernel.uefi", "/sys/firmware/efi\n"))
    assert holes_of(facts)["secure_boot"] is Blind.UNPARSEABLE
    assert "secure_boot" not in holes_of(facts_of(COLLECTOR, answers))


def test_module_rules_follow_install_lines_and_their_order(answers):
    etc = "install sctp /bin/false\nblacklist usb-storage\n#install rds /bin/true\ninstall tipc /sbin/modprobe dccp\ninstall tipc /bin/true\n"

    lib = "install sctp /sbin/modprobe --ignore-install sctp\n"
    text = (
        f"\0f\t644\troot\troot\t9\t/etc/modprobe.d/b.conf\0{etc}"
        f"\0f\t644\troot\troot\t9\t/usr/lib/modprobe.d/b.conf\0{lib}"
    )
    host = told(told(answers, "kernel.modprobe", text), "kernel.modules", "usb_storage\next4\n")
    rules = {rule.name: rule for rule in kernel(host).module_rules.items}
    assert rules["sctp"].blocked and not rules["rds"].blocked and not rules["tipc"].blocked
    assert rules["usb_storage"].blacklisted and rules["usb_storage"].loaded and not rules["usb_storage"].blocked


def test_core_dump_settings_come_from_the_last_drop_in(answers):
    text = (
        "\0f\t644\troot\troot\t9\t/etc/systemd/coredump.conf\0[Coredump]\n#Storage=external\nProcessSizeMax=1\n"
        "\0f\t644\troot\troot\t9\t/etc/systemd/coredump.conf.d/50.conf\0[Coredump]\nStorage=none\n"
    )
    assert kernel(told(answers, "kernel.coredump", text)).coredump == {"processsizemax": 1, "storage": "none"}


def test_the_last_file_by_name_wins_and_etc_hides_a_file_of_the_same_name():
    files = [
        file("/usr/lib/sysctl.d/50-a.conf", "kernel.kptr_restrict = 2\n"),
        file("/etc/sysctl.d/50-a.conf", "", kind="l"),
        file("/usr/lib/sysctl.d/60-b.conf", "kernel.dmesg_restrict=0\n"),
        file("/etc/sysctl.d/99-z.conf", "-kernel/dmesg_restrict = 1\n; comment\n"),
    ]
    assert configured(files, ()) == {"kernel.dmesg_restrict": 1}


def test_a_pattern_sets_every_known_key_but_those_named_or_left_out():
    text = "net.ipv4.conf.*.rp_filter = 2\n-net.ipv4.conf.all.rp_filter\nnet.ipv4.conf.lo.rp_filter=0\n"
    known = ("net.ipv4.conf.all.rp_filter", "net.ipv4.conf.default.rp_filter", "net.ipv4.conf.lo.rp_filter")
    assert configured([file("/etc/sysctl.d/1.conf", text)], known) == {
        "net.ipv4.conf.default.rp_filter": 2,
        "net.ipv4.conf.lo.rp_filter": 0,
    }


def test_sysctl_conf_comes_last_and_slashes_keep_dots_in_names():
    files = [
        file("/etc/sysctl.conf", "kernel.sysrq=0\nnet/ipv4/conf/eth0.5/forwarding=1\n"),
        file("/etc/sysctl.d/99.conf", "kernel.sysrq=1\n"),
    ]
    assert configured(files, ()) == {"kernel.sysrq": 0, "net.ipv4.conf.eth0/5.forwarding": 1}


def test_only_keys_seen_in_both_can_differ():
    assert differing({"a": 1, "b": 2, "c": "x  y"}, {"a": 0, "c": "x\ty"}) == ["a"]
