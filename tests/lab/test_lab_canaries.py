"""Secrets on a host stay on the host: not one of many kinds reaches database, probe log, reports or terminal."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from posture.store import Store
from tests.lab.agency import Agency
from tests.lab.host import Host, key_pair
from tests.lab.scanning import Outcome, checks_of_today, scan

pytestmark = pytest.mark.lab

SEED = 2
MARK = "kanarie"
HOST = "vault1"

# {} is a secret of its own in each place; `seen-…` stands beside it and shows that the place was read at all.
FILES = {
    "/etc/fstab": "//seen-nas/share /mnt/a cifs username=scan,password={} 0 0\nhttps://u:{}@seen-dav/ /mnt/b davfs rw 0 0\n",
    "/etc/apt/sources.list.d/vendor.list": "deb https://bearer:{}@seen-vendor.example/debian stable main\n",
    "/etc/apt/sources.list.d/vendor.sources": "Types: deb\nURIs: https://bearer:{}@seen-deb822.example/debian\nSuites: stable\nComponents: main\n",
    "/etc/apt/apt.conf.d/90proxy": 'Acquire::http::Proxy "http://seen-proxy:{}@proxy.example:3128";\n',
    "/etc/apt/auth.conf.d/vendor.conf": "machine vendor.example login u password {}\n",
    "/etc/rsyslog.d/70-database.conf": (
        'action(type="ommysql" server="seen-mysql" db="Syslog" uid="u" pwd="{}")\n'
        "*.* :ommysql:seen-legacy,Syslog,u,{}\n"
        'action(type="omhttp" server="seen-http" httpheaders=["Authorization: Bearer {}"])\n'
        'action(type="omhttp" server="seen-splunk" httpheaderkey="Authorization" httpheadervalue="Splunk {}")\n'
        'action(type="omkafka" broker="seen-kafka" confParam=["sasl.password={}", "sasl.username=u"])\n'
        'action(type="omelasticsearch" server="seen-elastic" uid="u" pwd="{}")\n'
        'action(type="omfwd" target="seen-key" StreamDriver="gtls" tls.mykeypassphrase="{}")\n'
    ),
    "/etc/chrony/conf.d/agency.conf": "server seen-ntp key 1\n# keyfile password: {}\n",
    "/etc/chrony/chrony.keys": "1 SHA1 HEX:{}\n",
    "/etc/ntp.conf": "server seen-ntpconf\ncrypto pw {}\n",
    "/etc/sssd/sssd.conf": "[domain/x]\nldap_default_authtok = {}\n[pam]\npam_cert_auth = True\n",
    "/etc/docker/daemon.json": (
        '{{"hosts": ["unix:///run/seen-docker.sock"], "log-opts": {{"splunk-token": "{}"}},'
        ' "proxies": {{"https-proxy": "http://u:{}@proxy.example:3128"}}}}\n'
    ),
    "/etc/systemd/system/seen-app.service": (
        '[Service]\nEnvironment="DB_PASSWORD={}" PLAIN={}\nEnvironment=DATABASE_URL=postgres://u:{}@db/x\n'
        "SetCredential=token:{}\nExecStart=/usr/bin/app --token {} --listen 0.0.0.0\n[Install]\nWantedBy=multi-user.target\n"
    ),
    "/etc/cron.d/seen-backup": (
        "PGPASSWORD={}\n0 1 * * * root mysqldump -useen -p{} db\n0 2 * * * root curl -u seen:{} https://x.example/\n"
        "0 3 * * * root curl -H 'Authorization: Bearer {}' https://y.example/\n"
        "0 4 * * * root AWS_SECRET_ACCESS_KEY={} aws s3 sync /a s3://b\n"
    ),
    "/etc/crontab": (
        "0 5 * * * root seen-crontab --password={} --api-key {}\n"
        "0 6 * * * root sshpass -p '{}' ssh seen@h; redis-cli -a {} ping; ldapsearch -x -D cn=seen -w {} x\n"
        "0 7 * * * root openssl enc -pass pass:{} -in f; smbclient -U seen%{} //nas/x; mariadb --user=seen -p{} -e x\n"
        "0 8 * * * root curl --user 'seen:{}' -T f https://z.example; wget --http-user=seen --http-password={} u\n"
    ),
    "/etc/sudoers.d/60-app": (
        "# old password: {}\nbackup ALL=(root) /usr/bin/seen-mysql --password\\={} *\n"
        "Defaults:backup secure_path=/usr/seen-path\n"
    ),
    "/etc/pam.d/seen-ldap": "auth required pam_ldap.so bindpw={} uri=ldaps://x\nauth optional pam_exec.so /bin/x --secret {}\n",
    "/etc/modprobe.d/seen-wifi.conf": "options wlan psk={}\n",
    "/etc/systemd/journal-upload.conf": "[Upload]\nURL=https://u:{}@seen-journal.example\n",
    "/etc/aide/aide.conf.d/seen": "report_url=https://u:{}@aide.example/\n",
    "/etc/exports": "/srv seen-client(rw)  # token={}\n",
    "/etc/ssh/sshd_config.d/90-app.conf": (
        "AuthorizedKeysCommand /usr/bin/seen-keys --token {} %u\nAuthorizedKeysCommandUser nobody\nSetEnv API_TOKEN={}\n"
    ),
    "/etc/snmp/snmpd.conf": "rocommunity {} 10.0.0.0/8\ncreateUser monitor SHA {} AES {}\n",
    "/etc/redis/redis.conf": "requirepass {}\n",
    "/etc/environment": "API_TOKEN={}\n",
    "/root/.mcp.json": (
        '{{"mcpServers": {{"seen-agent": {{"command": "/usr/bin/seen-tool", "args": ["--key={}", "-y", "{}@1.2.3"],\n'
        ' "env": {{"GITHUB_PAT": "{}", "PLAIN": "{}"}}}},\n "far": {{"url": "https://u:{}@seen-url.example/mcp?key={}",'
        ' "headers": {{"Authorization": "Bearer {}", "X-Other": "{}"}}}}}}}}\n'
    ),
    "/opt/seen/.cursor/mcp.json": '{{"mcpServers": {{"b": {{"url": "http://seen-mcp.example:8000/{}", "token": "{}"}}}}}}\n',
    "/root/.pgpass": "db:5432:*:u:{}\n",
    "/root/.netrc": "machine x login u password {}\n",
    "/root/.docker/config.json": '{{"auths": {{"r.example": {{"auth": "{}"}}}}}}\n',
    "/root/.aws/credentials": "[default]\naws_secret_access_key = {}\n",
    "/root/.ssh/authorized_keys": (
        'environment="API_TOKEN={}" KEY seen-authorized\n'
        "command=\"curl -H 'Authorization: Bearer {}' https://x.example\" KEY seen-command\n"
    ),
}
READ = (
    *("seen-nas", "seen-vendor", "seen-deb822", "seen-mysql", "seen-http", "seen-ntp", "seen-mysql", "seen-ldap"),
    *("seen-backup", "seen-path", "seen-keys", "seen-authorized", "seen-command", "seen-docker", "seen-client"),
    *("seen-agent", "seen-tool", "seen-mcp.example:8000"),
)
"""What must have come home, or this test would pass by looking at nothing."""


@dataclass(frozen=True)
class Planted:
    """A scan of hosts full of secrets."""

    secrets: dict[str, str]
    """By secret, where it was planted."""
    work: Path
    outcome: Outcome


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Planted]:
    with Agency(SEED, tmp_path_factory.mktemp("canaries"), checks=checks_of_today()) as agency:
        host = agency.hosts[HOST]
        found = _files(host) | _accounts(host) | _keys(host)
        outcome = scan(agency, "out", "--no-network")
        yield Planted(found, agency.work, outcome)


def _files(host: Host) -> dict[str, str]:
    found: dict[str, str] = {}
    for path, text in FILES.items():
        mine = [f"{MARK}{secrets.token_hex(8)}" for _ in range(text.count("{}"))]
        found |= dict.fromkeys(mine, path)
        _append(host, path, text.format(*mine).replace(" KEY ", f" {key_pair('ed25519')[1]} "))
    return found


def _append(host: Host, path: str, text: str) -> None:
    folder = path.rpartition("/")[0]
    assert host.run(["mkdir", "-p", folder]).returncode == 0
    assert host.run(["tee", "-a", path], stdin=text).returncode == 0
    if path.startswith("/etc/sudoers.d"):
        host.run(["chmod", "0440", path])
        assert host.run(["visudo", "-c"]).returncode == 0


def _accounts(host: Host) -> dict[str, str]:
    """Plant password hashes of every old and new kind, for users and groups."""
    found = {}
    kinds = ("$y$j9T$salt${}", "$6$rounds=5000$salt${}", "$5$salt${}", "$2b$12${}", "$1$salt${}", "!$6$salt${}", "{}")
    for number, kind in enumerate(kinds):
        secret = f"{MARK}{secrets.token_hex(8)}" if kind != "{}" else f"{MARK}{secrets.token_hex(3)}"  # DES: 13 letters
        found[secret] = f"/etc/shadow {kind}"
        name = f"seen{number}"
        _append(host, "/etc/passwd", f"{name}:x:{4000 + number}:{4000 + number}::/home/{name}:/bin/bash\n")
        _append(host, "/etc/shadow", f"{name}:{kind.replace('{}', secret)}:20000:0:99999:7:35::\n")
    inside = f"{MARK}{secrets.token_hex(3)}"
    group = f"{MARK}{secrets.token_hex(8)}"
    found |= {inside: "/etc/passwd", group: "/etc/gshadow"}
    _append(host, "/etc/passwd", f"seenold:{inside}:4100:4100::/home/seenold:/bin/bash\n")
    _append(host, "/etc/gshadow", f"seengroup:$6$salt${group}::\n")
    return found


def _keys(host: Host) -> dict[str, str]:
    """Plant private keys of several formats; every line of their bodies is a secret."""
    found: dict[str, str] = {}
    for name, kind, passphrase in (
        ("id_ed25519", "ed25519", ""),
        ("id_rsa", "rsa-2048", ""),
        ("id_ecdsa", "ecdsa", "word"),
    ):
        private, _ = key_pair(kind, passphrase)
        path = f"/home/posture/.ssh/{name}"
        _append(host, path, private)
        host.run(["chmod", "0600", path])
        # The first line holds the format's name and the cipher's, and is the same in thousands of files.
        found |= dict.fromkeys([line for line in private.splitlines()[2:-1] if len(line) > 20], path)
    return found


def _everything(planted: Planted) -> Iterator[tuple[str, bytes]]:
    yield "standard output", planted.outcome.stdout.encode()
    yield "standard error", planted.outcome.stderr.encode()
    with Store.open(planted.work / "posture.db", create=False) as store:
        for digest, blob in store.read_blobs():
            yield f"blob {digest}", blob
    for path in sorted(path for path in planted.work.rglob("*") if path.is_file() and path.name != "scanner_ed25519"):
        yield str(path.relative_to(planted.work)), path.read_bytes()


def test_no_secret_of_any_kind_leaves_its_host(planted: Planted) -> None:
    leaks = [
        f"{place} has the secret of {planted.secrets[secret]}: …{content[max(0, at - 80) : at].decode(errors='replace')}…"
        for place, content in _everything(planted)
        for secret in planted.secrets
        if (at := content.find(secret.encode())) >= 0
    ]
    assert not leaks, "\n" + "\n".join(leaks)


def test_not_even_a_part_of_one(planted: Planted) -> None:
    assert [place for place, content in _everything(planted) if MARK.encode() in content] == []


def test_what_stands_beside_the_secrets_was_read(planted: Planted) -> None:
    everything = b"\n".join(content for _, content in _everything(planted))
    assert [word for word in READ if word.encode() not in everything] == []
    assert len(planted.secrets) > 60
