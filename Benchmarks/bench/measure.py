"""What a group of processes has used: CPU by the scheduler's nanoseconds, memory by their own pages."""
import os

TICK = 1e6 / os.sysconf("SC_CLK_TCK")


def read(path):
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read()
    except OSError:
        return ""


def family(root):
    """The process and all its descendants that are alive."""
    parents = {}
    for name in os.listdir("/proc"):
        if name.isdigit() and (stat := read(f"/proc/{name}/stat")):
            parents.setdefault(int(stat.rpartition(")")[2].split()[1]), []).append(int(name))
    found = [root]
    for pid in found:
        found += parents.get(pid, [])
    return found


class CPU:
    """Microseconds that processes have run, in all and by the kernel's estimate of user and system.

    The sum comes from schedstat (nanoseconds); user and system come in ticks and only give its proportion.
    Children that have ended are counted, in ticks, by the parent that waited for them.
    """

    def __init__(self, roots):
        self.total = self.user = self.system = 0.0
        for root in roots:
            for pid in family(root):
                self._add(pid)

    def _add(self, pid):
        fields = read(f"/proc/{pid}/stat").rpartition(")")[2].split()
        if not fields:
            return
        user, system, ended_user, ended_system = (int(fields[i]) * TICK for i in (11, 12, 13, 14))
        self.user += user + ended_user
        self.system += system + ended_system
        self.total += ended_user + ended_system
        for task in os.listdir(f"/proc/{pid}/task"):
            ran = read(f"/proc/{pid}/task/{task}/schedstat").split()
            self.total += int(ran[0]) / 1000 if ran else 0

    def since(self, earlier, units):
        """Microseconds for each of `units`: (all, user, system)."""
        total = (self.total - earlier.total) / units
        user, system = self.user - earlier.user, self.system - earlier.system
        share = user / (user + system) if user + system > 0 else 0
        return {"us": total, "user": total * share, "system": total * (1 - share)}


def anonymous_kib(roots):
    """Pss_Anon of the processes, KiB: memory that nobody else could free."""
    total = 0
    for root in roots:
        for pid in family(root):
            for line in read(f"/proc/{pid}/smaps_rollup").splitlines():
                if line.startswith("Pss_Anon:"):
                    total += int(line.split()[1])
    return total


def kernel_socket_kib():
    """Memory that the kernel holds for TCP sockets, KiB."""
    for line in read("/proc/net/sockstat").splitlines():
        words = line.split()
        if words and words[0] == "TCP:":
            return int(words[words.index("mem") + 1]) * os.sysconf("SC_PAGE_SIZE") // 1024
    return 0
