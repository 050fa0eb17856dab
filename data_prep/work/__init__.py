"""Child processes with limits of time and memory, pools of them, and a cluster."""
