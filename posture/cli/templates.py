"""The commented files that ``posture init`` writes."""

INVENTORY = """\
# Who is scanned, where they live and how to log in. `posture scan -i inventory.yaml` reads it.
schema: posture.inventory/1

# Zones: parts of the network with one level of trust (untrusted, partner, internal, restricted).
# Attackers start in the untrusted ones. A host without `zone:` lives in the narrowest CIDR around its address.
zones:
  - {name: internet, trust: untrusted, cidrs: []}
  - {name: servers, trust: internal, cidrs: [10.0.10.0/24]}

# Places we look from. The scanner's own place is the first one; name the zone it stands in.
vantages:
  - {name: scanner, zone: servers}
  # A host that may look as well, with the nmap it has; the scope file names its own authorisation.
  # - {name: outpost, zone: internet, host: probe1}

# The zone matrix: ways that shall be there. Any other way that a vantage finds open is a finding.
# flows:
#   - {from: internet, to: web1, ports: [tcp/443], why: the portal}
#   - {from: servers, to: servers, ports: [any]}

# NAT, VIP and load-balancer map: what public addresses lead to.
# published:
#   - {public: '203.0.113.7:443', to: 'web1:8443', proto: tcp}

# The register of AI services: what may be there, by whose word. Any other that is found is shadow AI.
# ai_register: models.yaml          # services: [{service: ollama, host: web1, port: 11434, owner: ai-team}]

# The authorities that your clients trust, roots and intermediates in PEM: certificates are judged by them (TLS-09).
# trust_anchors: agency-pki.pem

# What hosts share. `credential` is a name in posture.yaml: no secret ever stands here.
groups:
  - name: linux
    owner: server-team
    system: portal                 # the ATO boundary
    mission: supporting            # none, supporting, essential, vital, crown_jewel
    access: {transport: ssh, user: posture, credential: scan}

hosts:
  - id: web1                       # outlives renames and new addresses
    groups: [linux]
    addresses: [10.0.10.11]
    roles: [web]                   # what it is for; checks know mail, proxy, build, workstation, router, container-host
    tags: {organisation: example, environment: prod, exposure: internal, asset_type: server}   # BOD 26-04, phase III
    # access: {port: 2222, jump: [bastion]}
    # device_class: fragile        # or ot: named ports only, no version probes
    # What you say of the host; checks read it as `declared.…`.
    declared:
      services: [{port: 22, proto: tcp}, {port: 443, proto: tcp}]
      # names: [portal.agency.example]               # what clients call it by: its certificates are for them (TLS-10)
      # accounts: [root, posture]                    # everybody who may have a shell; without it IDN-10 is a question
      # device: {vendor: Example, model: X1, version: '7.2', end_of_support: '2027-03-31'}   # BOD 26-02
      # isolation: switch port shut by the SOC, run book 12   # how the host is cut off, and by whom
      # interpreters: [python3, perl]                # what may run scripts here
      # patch_system: Satellite                      # what installs updates, where no timer of the host does
"""

SCOPE = """\
# The written authorisation. Nothing outside it is ever touched; every probe is logged under its id.
schema: posture.scope/1
authorisation: AUTH-0000           # the id of the signed document
owner: Name, role, phone
window: {{opens: '{opens}', closes: '{closes}'}}   # UTC
cidrs: [10.0.10.0/24]
excluded: []                       # wins over cidrs
rates:
  packets_per_s: 300               # all network probes together
  # connections_per_host: 4         # at once, for devices that bear few; a whole batch of hosts then shares them
  parallel_logins: 16
  parallel_logins_per_zone: 8
  parallel_logins_per_jump: 4
# What open ports may be asked beside their version: a TLS greeting, an SSH greeting, the page at / (one GET).
probes: [tls, ssh, smb, page]
# vantages: [{{host: probe1, authorisation: AUTH-0001}}]   # hosts that may look, each by its owner's word
# ai_services: {{requests_per_port: 8}}   # GETs to each open port to find AI services; 32 ask for everything
# blackouts:                      # hours inside the window without scans, scheduled or not
#   - {{days: [mon, tue, wed], from: '08:00', until: '18:00', time_zone: America/New_York, reason: office hours}}
#   - {{opens: '2026-12-20T00:00:00Z', closes: '2027-01-04T00:00:00Z', reason: year-end freeze}}
# allow_passphrase_test: false     # try found private keys with an empty passphrase
"""

CONFIG = """\
# Where things are kept and who logs in with what. Relative paths are relative to this file.
schema: posture.config/1
database: out/posture.db
known_hosts: known_hosts           # `posture trust` writes it
profile: fceb                      # fceb, dow or nss
# overlay: overlay.yaml            # the agency's tailoring
# waivers: waivers.yaml
# marking: CUI                     # printed on every page

credentials:
  scan: {kind: key, path: ~/.ssh/posture_ed25519}
  # card: {kind: agent, fingerprint: 'SHA256:…'}
  # vault: {kind: command, argv: [/usr/bin/vault, read, -field=key, ssh/posture]}

# Feeds of known vulnerabilities: `posture feeds update` fetches the usual ones from their publishers.
# feeds:
#   use: [kev, vulnrichment, epss, debian-tracker]         # `posture feeds status` names them all
#   urls: {kev: 'https://mirror.example.gov/kev.json'}     # https only; HTTPS_PROXY and SSL_CERT_FILE are respected

# Who is told what by `posture notify --send`, after a scan; names of hosts stay here unless `hosts: true`.
# notify:
#   webhooks:
#     - {name: soc, url: 'https://hooks.example.gov/p', events: [new-critical-path, coverage-drop], credential: soc}
#   mail:
#     - {name: isso, to: [isso@example.gov], sender: posture@example.gov, server: mail.example.gov, events: [overdue]}

# A proxy that checks clients' certificates (PIV) in front of `posture serve`: docs/dashboard.md says what it must do.
# serve: {proxy: {addresses: [10.1.2.3], subjects: {'CN=DOE.JANE.1234567890,OU=PKI,O=U.S. Government,C=US': jane.doe}}}
# Single sign-on by OpenID Connect; the secret stands in a file of its own: docs/dashboard.md.
# serve: {oidc: {issuer: 'https://login.example.gov', client_id: posture, secret_file: oidc-secret,
#   public_url: 'https://posture.example.gov', roles: {soc: {role: analyst}}}}

# What an evidence bundle must carry beside its first signature: `posture verify` fails while it is missing.
# evidence: {asks: [countersignature, timestamp]}

# How long raw answers are kept: in the store, then in archives beside it; `posture store prune` lets the older ones go.
# retention: {searchable_months: 6, retrievable_months: 12, hold: []}    # hold: ids of runs under legal hold

# The agency's own hardening campaign, 30 days unless said otherwise. It is not law; legal clocks run beside it.
# campaign: {start: '2026-12-01', days: 30}

# Known vulnerabilities are dated by BOD 26-04. Where nobody gave the SSVC values of a CVE, the stricter of the two rows
# that bound the answer counts; `sixty-days` and `published-defaults` are other readings, to be chosen on purpose.
# vulnerabilities: {missing_ssvc: stricter}    # fedramp_class: c, for a provider under FedRAMP's rules
"""
