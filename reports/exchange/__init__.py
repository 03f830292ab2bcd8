"""What may be shared with a clearinghouse or a partner: neutral JSON, with views in CSAF 2.0 (VEX) and STIX 2.1."""
