"""The pages of the dashboard: typed contexts and templates; who may ask for one is decided in ``posture/serve``."""
