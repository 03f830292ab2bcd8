"""By what a management interface is known: its protocol, its page, its certificate; its port is only a hint."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Console:
    """A product that is managed over the web."""

    vendor: str
    product: str
    kind: str
    """web-console, controller (out-of-band: iLO, iDRAC), database or orchestration."""
    says: re.Pattern[str]
    """In its title, realm, server header, product name or certificate; matched without case."""
    edge: bool = False
    """A device at the edge of a network, which BOD 26-02 is about."""


def _console(vendor: str, product: str, says: str, kind: str = "web-console", *, edge: bool = False) -> Console:
    return Console(vendor, product, kind, re.compile(says, re.IGNORECASE), edge)


PROTOCOLS: Mapping[str, str] = {
    "ssh": "ssh",
    "telnet": "telnet",
    "rtelnet": "telnet",
    "login": "cleartext-login",
    "shell": "cleartext-login",
    "exec": "cleartext-login",
    "ms-wbt-server": "remote-desktop",
    "vnc": "remote-desktop",
    "vnc-http": "remote-desktop",
    "X11": "remote-desktop",
    "snmp": "snmp",
    "asf-rmcp": "controller",
    "ipmi": "controller",
    "wsman": "winrm",
    "winbox": "router-admin",
    "smart-install": "router-admin",
    "mysql": "database",
    "postgresql": "database",
    "ms-sql-s": "database",
    "ms-sql-m": "database",
    "oracle-tns": "database",
    "drda": "database",
    "mongodb": "database",
    "mongod": "database",
    "redis": "database",
    "memcached": "database",
    "memcache": "database",
    "cassandra": "database",
    "cassandra-native": "database",
    "docker": "orchestration",
    "etcd-client": "orchestration",
    "kubernetes": "orchestration",
    "zookeeper": "orchestration",
}
"""nmap's name of a protocol that answered, to the kind of interface."""

USUAL: Mapping[tuple[str, int], str] = {
    ("tcp", 22): "ssh",
    ("tcp", 23): "telnet",
    ("udp", 161): "snmp",
    ("udp", 623): "controller",
    ("tcp", 623): "controller",
    ("tcp", 830): "router-admin",
    ("tcp", 2000): "router-admin",
    ("tcp", 2375): "orchestration",
    ("tcp", 2376): "orchestration",
    ("tcp", 2379): "orchestration",
    ("tcp", 3389): "remote-desktop",
    ("tcp", 4786): "router-admin",
    ("tcp", 5900): "remote-desktop",
    ("tcp", 5985): "winrm",
    ("tcp", 5986): "winrm",
    ("tcp", 6443): "orchestration",
    ("tcp", 8291): "router-admin",
    ("tcp", 10250): "orchestration",
}
"""Used only where the protocol did not show itself: what cannot be told from a management interface counts as one."""

CONSOLES: tuple[Console, ...] = (
    _console("Dell", "iDRAC", r"\bidrac", "controller"),
    _console("HPE", "iLO", r"\bilo ?[2-7]?\b|integrated lights-out|hpe? ilo", "controller"),
    _console("Supermicro", "BMC", r"supermicro|aten international|\bmegarac\b", "controller"),
    _console("Lenovo", "XClarity Controller", r"xclarity|\bimm2?\b", "controller"),
    _console("Cisco", "Integrated Management Controller", r"integrated management controller|\bcimc\b", "controller"),
    _console("DMTF", "Redfish service", r"\bredfish\b", "controller"),
    _console("Fortinet", "FortiGate", r"forti(?:gate|net|os|wifi)", edge=True),
    _console("Palo Alto Networks", "PAN-OS", r"globalprotect|pan-os|palo alto", edge=True),
    _console("Cisco", "ASA", r"\basdm\b|adaptive security", edge=True),
    _console("Cisco", "IOS", r"level_15|cisco ios|cisco router|catalyst", edge=True),
    _console("Juniper", "J-Web", r"j-web|juniper web device|junos", edge=True),
    _console("SonicWall", "SonicOS", r"sonicwall|sonicos", edge=True),
    _console("F5", "BIG-IP", r"big-ip", edge=True),
    _console("Ivanti", "Connect Secure", r"ivanti|pulse secure|connect secure", edge=True),
    _console("Citrix", "NetScaler", r"netscaler|citrix gateway", edge=True),
    _console("MikroTik", "RouterOS", r"mikrotik|routeros|webfig", edge=True),
    _console("Netgate", "pfSense", r"pfsense", edge=True),
    _console("Deciso", "OPNsense", r"opnsense", edge=True),
    _console("Ubiquiti", "UniFi", r"\bunifi\b|edgeos|ubiquiti", edge=True),
    _console("Check Point", "Gaia", r"check point|gaia portal", edge=True),
    _console("WatchGuard", "Fireware", r"watchguard|fireware", edge=True),
    _console("Sophos", "Firewall", r"sophos", edge=True),
    _console("VMware", "vSphere", r"vmware esxi|vsphere|vcenter"),
    _console("Proxmox", "Virtual Environment", r"proxmox"),
    _console("Synology", "DiskStation", r"synology|diskstation"),
    _console("QNAP", "QTS", r"\bqnap\b"),
    _console("Webmin", "Webmin", r"\bwebmin\b|miniserv"),
    _console("Red Hat", "Cockpit", r"\bcockpit\b"),
    _console("cPanel", "cPanel", r"\bcpanel\b|\bwhm login"),
    _console("Plesk", "Plesk", r"\bplesk\b"),
    _console("Apache", "Tomcat Manager", r"tomcat manager"),
    _console("Jenkins", "Jenkins", r"\bjenkins\b"),
    _console("Grafana Labs", "Grafana", r"\bgrafana\b"),
    _console("Elastic", "Kibana", r"\bkibana\b"),
    _console("Zabbix", "Zabbix", r"\bzabbix\b"),
    _console("Nagios", "Nagios", r"\bnagios\b"),
    _console("Broadcom", "RabbitMQ Management", r"rabbitmq management"),
    _console("phpMyAdmin", "phpMyAdmin", r"phpmyadmin", "database"),
    _console("pgAdmin", "pgAdmin", r"\bpgadmin\b", "database"),
    _console("Adminer", "Adminer", r"\badminer\b", "database"),
    _console("Elastic", "Elasticsearch", r"elasticsearch", "database"),
    _console("Apache", "CouchDB", r"couchdb", "database"),
    _console("InfluxData", "InfluxDB", r"influxdb", "database"),
    _console("Docker", "Engine", r"^docker\b", "orchestration"),
    _console("Kubernetes", "Kubernetes", r"kubernetes|\bkubelet\b|kube-apiserver", "orchestration"),
    _console("Portainer", "Portainer", r"portainer", "orchestration"),
    _console("SUSE", "Rancher", r"\brancher\b", "orchestration"),
    _console("Argo", "Argo CD", r"argo ?cd", "orchestration"),
    _console("HashiCorp", "Consul", r"consul by hashicorp|hashicorp consul", "orchestration"),
    _console("HashiCorp", "Nomad", r"hashicorp nomad|^nomad$", "orchestration"),
    _console("HashiCorp", "Vault", r"hashicorp vault|^vault$", "orchestration"),
)


def console(*said: str) -> tuple[Console, str] | None:
    """Return the first product that one of these texts names, and the text; ``None`` when none does."""
    return next(
        ((known, words) for known in CONSOLES for words in said if words and known.says.search(words[:300])), None
    )
