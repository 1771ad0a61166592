"""Every module by itself; where it talks to a cloud, to the embedded one."""
