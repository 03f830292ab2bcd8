"""Work handed over: the plan's fixes as an Ansible playbook, as shell for each host, and as tickets."""
