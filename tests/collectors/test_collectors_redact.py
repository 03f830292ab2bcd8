"""Secrets never leave the redactor, and what the checks read is never touched."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import collectors.redact as redactor
from collectors.redact import redact

PLANTS = {
    "pem": "-----BEGIN RSA PRIVATE KEY-----\nMIIE{c}\n-----END RSA PRIVATE KEY-----\n",
    "pem without an end": "-----BEGIN PRIVATE KEY-----\nMIIE\n{c}\n",
    "pem inside json": '{{"key": "-----BEGIN EC PRIVATE KEY-----\\n{c}\\n-----END EC PRIVATE KEY-----\\n"}}',
    "openssh key": "-----BEGIN OPENSSH PRIVATE KEY-----\n{c}\n-----END OPENSSH PRIVATE KEY-----",
    "pgp key": "-----BEGIN PGP PRIVATE KEY BLOCK-----\n\n{c}\n-----END PGP PRIVATE KEY BLOCK-----",
    "putty key": "Private-Lines: 1\n{c}\nPrivate-MAC: 00\n",
    "shadow yescrypt": "root:$y$j9T$salt${c}:19000:0:99999:7:::\n",
    "shadow des": "old:ab{c}:19000:0:99999:7:::\n",
    "shadow locked": "daemon:!$6$salt${c}:19000:0:99999:7:::\n",
    "shadow short": "x:$1${c}:::::::\n",
    "gshadow": "wheel:$6$a${c}:root:alice\n",
    "passwd with a hash": "old:xy{c}:0:0:root:/root:/bin/sh\n",
    "htpasswd": "bob:$apr1$r31{c}\n",
    "ldap": "userPassword: {{SSHA}}{c}\n",
    "grub": "password_pbkdf2 root grub.pbkdf2.sha512.10000.ABCDEF0123{hex}\n",
    "password =": "password = {c}\n",
    "password two words": "  password = two {c}\n",
    "quoted two words": 'db_password="two {c}"\n',
    "single quotes": "PASSWORD='a {c}'\n",
    "unclosed quote": 'password="a {c}\nnext = 1\n',
    "yaml": "  client_secret: {c}\n",
    "json": '{{"apiKey": "{c}", "port": 1}}',
    "escaped json": '{{"x": "{{\\"token\\": \\"{c}\\"}}"}}',
    "odbc": "Server=a;Uid=b;Pwd={c};\n",
    "option =": "/usr/bin/tool --password={c} --verbose\n",
    "option space": "/usr/bin/tool --api-key {c} --verbose\n",
    "option nul": "/usr/bin/tool\0--auth-token\0{c}\0",
    "requirepass": "requirepass {c}\n",
    "requirepass quoted": 'requirepass "a {c}"\n',
    "masterauth": "masterauth {c}\n",
    "redis acl": "user default on >{c} ~* +@all\n",
    "netrc": "machine h login u password {c}\n",
    "netrc lines": "machine h\nlogin u\npassword {c}\n",
    "keepalived": "    auth_pass {c}\n",
    "bind": 'key "x" {{ algorithm hmac-sha256; secret "{c}"; }};\n',
    "aws": "AKIA{upper}\n",
    "aws secret": "aws_secret_access_key = {c}\n",
    "bearer": "Authorization: Bearer {c}\n",
    "basic": "curl -H 'Authorization: Basic {c}'\n",
    "github": "ghp_{c}\n",
    "openai": "key is sk-{c}aaaa ok\n",
    "hugging face": "hf_{c}\n",
    "jwt": "eyJhbGciOiJI.eyJ{c}.{c}\n",
    "url": "http://user:{c}@proxy.example:3128/\n",
    "url at": "redis://:p@{c}@db/0\n",
    "url token": "https://{c}aaaaaaaaaaaaaa@github.com/x\n",
    "wireguard": "PrivateKey = {c}=\nPresharedKey = {c}=\n",
    "wifi": "  psk={c}\n wpa_passphrase={c}\n",
    "ipsec": "1.2.3.4 : PSK {c}\n",
    "snmp ro": "rocommunity {c} 10.0.0.0/8\n",
    "snmp rw6": "rwcommunity6 {c}\n",
    "snmp com2sec": "com2sec readonly default {c}\n",
    "snmp trap": "trap2sink 10.0.0.1 {c}\n",
    "snmp user": 'createUser admin SHA "{c}" AES {c}\n',
    "rsyslog snmp": "$actionsnmpcommunity {c}\n",
    "rsyslog snmp new": 'action(type="omsnmp" community="{c}")\n',
    "cisco": "username bob secret 9 {c}\n",
    "unit": "Environment=A={c} B={c}\n",
    "unit quoted": "Environment=\"A=one {c}\" 'B={c}'\n",
    "unit continued": 'Environment="A=1" \\\n  "B={c}"\nUser=x\n',
    "docker": '{{"Env": ["PATH=/bin]", "X={c}"], "Cmd": []}}',
    "sssd": "ldap_default_authtok = {c}\n",
    "set credential": "SetCredential=db:{c}\n",
}


@pytest.mark.parametrize("plant", PLANTS.values(), ids=PLANTS.keys())
def test_a_planted_secret_does_not_come_out(plant: str) -> None:
    canary = "CaNaRy7h1rT33n"
    raw = plant.format(c=canary, upper="CANARY7THIRTEEN", hex="CAFE" * 4).encode()
    clean = redact(raw)
    for secret in (canary, "CANARY7THIRTEEN", "CAFECAFE"):
        assert secret.encode() not in clean.content
    assert clean.count >= 1


@settings(max_examples=150, deadline=None)
@given(
    plant=st.sampled_from(sorted(PLANTS)),
    canary=st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=16, max_size=40),
    before=st.binary(max_size=60),
    after=st.binary(max_size=60),
)
def test_surroundings_do_not_hide_a_secret(plant: str, canary: str, before: bytes, after: bytes) -> None:
    if plant == "aws" or plant == "grub":
        canary = canary.upper()
    secret = f"Q7{canary}"
    text = PLANTS[plant].format(c=secret, upper=secret.upper(), hex="AB12" * 5)
    raw = before + b"\n" + text.encode() + b"\n" + after
    content = redact(raw).content
    assert secret.encode() not in content
    assert redact(content).content == content


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                *(
                    p.format(c="S3cr3tS3cr3tS3cr3t", upper="S3CR3TS3CR3T", hex="AB" * 8).encode()
                    for p in PLANTS.values()
                ),
                b"\n",
                b'"',
                b" = ",
                b"x: ",
                b"'",
                b"\\",
            ]
        ),
        max_size=6,
    )
)
def test_doing_it_twice_changes_nothing(pieces: list[bytes]) -> None:
    once = redact(b"".join(pieces))
    assert redact(once.content) == type(once)(once.content, 0)


BENIGN = {
    "sshd -T": "port 22\npasswordauthentication yes\npermitemptypasswords no\npubkeyacceptedalgorithms sk-ssh-ed25519-cert-v01@openssh.com,sk-ecdsa-sha2-nistp256@openssh.com\n"
    "hostkey /etc/ssh/ssh_host_ed25519_key\nkbdinteractiveauthentication no\nmaxauthtries 6\nauthorizedkeysfile .ssh/authorized_keys .ssh/authorized_keys2\nxauthlocation /usr/bin/xauth\n",
    "sshd_config": "PasswordAuthentication=yes\n#PermitEmptyPasswords no\n# PasswordAuthentication.  Depending on your PAM configuration,\nMatch User bob\n  PasswordAuthentication yes\n",
    "passwd": "root:x:0:0:root:/root:/bin/bash\ndaemon:*:1:1:daemon:/usr/sbin:/usr/sbin/nologin\nbob::1000:1000:,,,:/home/bob:/bin/sh\n",
    "group": "root:x:0:\nsudo:x:27:bob,alice\nssl-cert:x:101:postgres\n",
    "shadow states": "root:*:19000:0:99999:7:::\nbob:!:19000::::::\nalice:!!:19000:0:99999:7:::\neve::19000:0:99999:7:::\n",
    "login.defs": "PASS_MAX_DAYS\t60\nPASS_MIN_DAYS\t1\nPASS_WARN_AGE 7\nENCRYPT_METHOD YESCRYPT\nSHA_CRYPT_MIN_ROUNDS 5000\n",
    "pam": "auth\t[success=1 default=ignore]\tpam_unix.so nullok\npassword\trequisite\tpam_pwquality.so retry=3\npassword\t[success=1 default=ignore]\tpam_unix.so obscure use_authtok try_first_pass yescrypt\n"
    "password   include      password-auth\n@include common-password\n",
    "pwquality": "minlen = 14\ndcredit = -1\nenforce_for_root\ndictcheck = 1\nusercheck = 1\n",
    "faillock": "deny = 3\nunlock_time = 900\nfail_interval = 900\neven_deny_root\n",
    "sudoers": 'Defaults passwd_tries=3, passwd_timeout=5\nDefaults secure_path="/usr/sbin:/usr/bin"\nDefaults passprompt="[sudo] password for %p: "\n%sudo ALL=(ALL:ALL) NOPASSWD: ALL\nbob ALL=(root) PASSWD: /bin/ls, NOPASSWD: /bin/cat\n',
    "nsswitch": "passwd:         files systemd\ngroup: files\nshadow:  files sss\nhosts: files mdns4_minimal [NOTFOUND=return] dns\n",
    "sysctl": "kernel.kptr_restrict = 1\nnet.ipv4.tcp_fastopen_key = 00000000-00000000-00000000-00000000\nnet.core.netdev_rss_key = 00:00:00:00:00:00:00:00:00:00\nfs.protected_hardlinks = 1\nnet.bridge.bridge-nf-pass-vlan-input-dev = 0\n",
    "packages": "libsecret-1-0:amd64\t0.20.5-3\tinstall ok installed\npasswd\t1:4.13+dfsg1-1\npassword-store:all 1.7\n",
    "ss": 'tcp LISTEN 0 128 0.0.0.0:22 0.0.0.0:* users:(("sshd",pid=812,fd=3))\nudp UNCONN 0 0 [fe80::1:2:3:4]%eth0:546 *:*\n',
    "audit": "-w /etc/passwd -p wa -k identity\n-w /etc/security/opasswd -p wa -k identity\n-a always,exit -F path=/usr/bin/passwd -F perm=x -F key=privileged-passwd\n",
    "sudo says no": "sudo: a password is required\n",
    "chage": "Last password change\t\t\t\t: Nov 01, 2026\nPassword expires\t\t\t\t: never\nMinimum number of days between password change\t\t: 0\n",
    "units": "systemd-ask-password-wall.service loaded active running Forward Password Requests to Wall\nEnvironmentFile=/etc/default/x\nPassEnvironment=LANG\nPAMName=login\n",
    "authorized_keys": 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFakeFakeFakeFakeFakeFakeFakeFakeFakeFakeFake bob@host\nfrom="10.0.0.0/8",no-pty ssh-rsa AAAAB3NzaC1yc2EAAA= x\n',
    "public key": "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA\n-----END PUBLIC KEY-----\n-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n",
    "ipv6": "2001:db8:1:2:3:4:5:6\nfe80:1:2:3:4:5:6:7\n00:11:22:33:44:55\n",
    "urls": "deb http://deb.debian.org/debian bookworm main\nssh://git@example.org/x\nhttp://[::1]:8080/\nhttp://a:80/x\n",
    "default communities": "rocommunity public\ncom2sec ro default public\n",
    "paths": "ssl_private_key = /etc/ssl/private/x.pem\npassword_file=/run/secrets/db\nPWD=/root\n",
    "postgres": "password_encryption = scram-sha-256\nhost all all 0.0.0.0/0 md5\n",
    "apache": "ServerTokens Prod\nserver_tokens off;\n",
    "stat": "/etc/passwd:644:0:0\n/etc/shadow 640 0 42\n",
    "commented": "# Password hashing method: see crypt(5)\n# the new password that must not be present in the old password.\n",
}


@pytest.mark.parametrize("text", BENIGN.values(), ids=BENIGN.keys())
def test_what_checks_read_stays_as_it_is(text: str) -> None:
    assert redact(text.encode()) == type(redact(b""))(text.encode(), 0)


@pytest.mark.parametrize(
    ("line", "left"),
    [
        (b"root:$y$j9T$abcdefgh$ijklmnop:19000:0:99999:7:::", b"root:$y$<redacted>:19000:0:99999:7:::"),
        (b"bob:!$6$abcdefgh$ijklmnop:19000:0:99999:7:::", b"bob:!$6$<redacted>:19000:0:99999:7:::"),
        (b"old:abJnggxhB/yWI:19000:0:99999:7:::", b"old:<redacted>:19000:0:99999:7:::"),
        (b"Environment=A=1x B=2y", b"Environment=A=<redacted> B=<redacted>"),
        (b'Environment="A=one two"', b'Environment="A=<redacted>"'),
        (b"http://user:hunter2@h/", b"http://user:<redacted>@h/"),
        (b"password = hunter2", b"password = <redacted>"),
        (b'{"token": "abcdef", "a": 1}', b'{"token": "<redacted>", "a": 1}'),
    ],
    ids=lambda value: value.decode()[:30],
)
def test_names_schemes_and_states_stay(line: bytes, left: bytes) -> None:
    assert redact(line).content == left


def test_a_key_without_a_passphrase_still_shows_that_it_has_none() -> None:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    bare = Ed25519PrivateKey.generate().private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    )
    content = redact(bare).content
    assert b"cipher=none" in content
    assert content.count(b"\n") == 3


@pytest.mark.parametrize(
    "unit",
    [
        b"password",
        b"password=",
        b"a:",
        b"$6$",
        b"://",
        b"eyJ",
        b"sk-",
        b"-----BEGIN RSA PRIVATE KEY-----",
        b'"Env":["',
        b"Environment=",
        b"\\",
        b'"',
        b" ",
        b"login a password ",
        b"user x ",
        b"--a-",
        b"com2sec ",
        b"\n:",
        b"http://a:",
        b"passwd: files ",
        b"password=<redacted>",
        b"--password ",
        b"password = a; ",
    ],
    ids=lambda unit: unit.decode(),
)
def test_time_grows_with_the_length_only(unit: bytes) -> None:
    """A quadratic pattern would need 40 seconds here, a good one less than one."""
    raw = unit * (400_000 // len(unit))
    began = time.process_time()
    redact(raw)
    redact(b"password=" + raw)
    assert time.process_time() - began < 15


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("mysqldump -useen -phunter2word db", "mysqldump -useen -p"),
        ("curl -sf -u seen:hunter2word https://x.example", "https://x.example"),
        ("curl --user 'seen:hunter2word' -T f u", "-T f u"),
        ("sshpass -p 'hunter2word' ssh seen@h", "ssh seen@h"),
        ("redis-cli -h db -a hunter2word ping", "redis-cli -h db"),
        ("ldapsearch -x -D cn=seen -w hunter2word", "-D cn=seen"),
        ("smbclient -U seen%hunter2word //nas/x", "//nas/x"),
        ("openssl enc -pass pass:hunter2word -in f", "-in f"),
        ("crypto pw hunter2word", "crypto pw"),
        ("*.* :ommysql:db,Syslog,u,hunter2word", ":ommysql:db,Syslog,u,"),
        ('httpheaderkey="Authorization" httpheadervalue="Splunk hunter2word"', 'httpheaderkey="Authorization"'),
    ],
)
def test_a_secret_in_an_option_of_one_letter_goes_and_the_rest_stays(line, kept):
    content = redact(line.encode()).content
    assert b"hunter2word" not in content
    assert kept.encode() in content


@pytest.mark.parametrize("line", ["mysql -p db", "curl --proto =https -o f u", "ssh -p 2222 host", "cp -p a b"])
def test_options_that_only_look_alike_stay(line):
    assert redact(line.encode()).content == line.encode()


def test_what_is_remembered_is_what_may_be_kept_and_has_a_bound() -> None:
    memory = redactor._Memory(limit_bytes=20_000)
    texts = [f"password = hunter{number:04}\n".encode() + bytes(1_000) for number in range(60)]
    for text in texts:
        memory.put(text[:32], redactor._without_secrets(text))
        assert sum(len(kept.content) for kept in memory._held.values()) <= memory.limit_bytes
    assert 5 < len(memory._held) < 20
    assert not any(b"hunter" in kept.content for kept in memory._held.values())
    assert memory.get(texts[-1][:32]) is not None and memory.get(texts[0][:32]) is None


def test_asked_again_the_answer_is_the_same() -> None:
    text = b"requirepass opensesame\nmaxmemory 1\n"
    assert redact(text) is redact(bytes(bytearray(text)))
    assert redact(text) == redactor._without_secrets(text)
