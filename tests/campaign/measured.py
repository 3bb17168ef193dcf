"""What the measurements of whole programs share: processor time and memory of a process, and programs that get ready."""
import os, resource, subprocess, sys, threading

TICK = os.sysconf("SC_CLK_TCK")


def cpu(pid):
    """Seconds of processor time of a process and of its children that have ended, user and system."""
    fields = open(f"/proc/{pid}/stat").read().rsplit(")", 1)[1].split()
    return sum(int(field) for field in fields[11:15]) / TICK


def children_cpu():
    """Seconds of processor time of our own children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def kib(pid, what):
    """A line of /proc/PID/status in KiB: VmRSS is what it has, VmHWM what it had at most."""
    return next(int(line.split()[1]) for line in open(f"/proc/{pid}/status") if line.startswith(what + ":"))


def start(ready, *command):
    """Starts a program and waits for the line with `ready`; gives it and the last word of that line."""
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    for line in process.stdout:
        if ready in line:
            threading.Thread(target=lambda: list(process.stdout), daemon=True).start()
            return process, line.split()[-1]
    sys.exit(f"{command[0]} did not start")
