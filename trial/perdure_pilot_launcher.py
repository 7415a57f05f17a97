"""How a program is started on other nodes, or once for each rank."""

import re
import shlex
import shutil
import subprocess

from perdure_pilot_files import write

# What a launcher says to each program it starts.
LAUNCHERS_OWN = re.compile(
    r"(PMI|PMIX|PALS|HYDRA|OMPI|PRTE|MPI)_|(PBS_(NODENUM|TASKNUM)|HOSTNAME|PWD|OLDPWD|SHLVL|_)$"
)
# pbsdsh passes TERM on, and says nothing of its program's end. Words: pbsdsh and its arguments.
PBSDSH = """
trap : TERM
"$@" >>output.log 2>&1
code=$?
[ -r .perdure/exit ] && read -r code <.perdure/exit
exit $code"""
# On another node, after `set -- PROGRAM`. Output would go to the job's, and nothing would end it when pbsdsh is killed.
UNDER_PBSDSH = """
exec >>output.log 2>&1 </dev/null
trap : TERM INT HUP
(exec "$@") & program=$!
(trap '' TERM; while sleep 2; do [ -e .perdure/over ] && kill -KILL 0; done) & watch=$!
wait $program; code=$?
# A trap interrupts it.
while kill -0 $program 2>/dev/null; do wait $program; code=$?; done
kill -KILL $watch
echo $code >.perdure/exit.tmp && mv .perdure/exit.tmp .perdure/exit
"""


class Launcher:
    """The words that start a program on other nodes: from a file, since no launcher passes everything on."""

    def __init__(self, kind, hosts, indices, cores):
        if kind == "auto":
            kind = next((name for name in ("mpiexec", "pbsdsh") if shutil.which(name)), None)
        self.kind, self.hosts, self.indices, self.cores, self.binds = kind, hosts, indices, cores, None

    def _binding(self, *words):
        """Cray PALS binds a rank to one core when nothing is said; others don't know the option."""
        if self.binds is None:
            try:
                asked = subprocess.run(["mpiexec", "--help"], stdout=subprocess.PIPE, timeout=20)
                self.binds = b"--cpu-bind" in asked.stdout
            except (OSError, subprocess.SubprocessError):
                self.binds = False
        return ["--cpu-bind", *words] if self.binds else []

    def words(self, attempt, entry, place, environment, cpus):
        """What the wrapper has to run."""
        ranks, host, program = entry["ranks_per_node"], attempt.own("host"), attempt.own("launch.sh")
        if ranks is None and place.nodes[0] == 0:
            return entry["argv"]
        alone = ranks is None and self.kind == "pbsdsh"
        write(program, self._script(attempt, entry["argv"], environment, cpus, alone), 0o700)
        program = ["/bin/sh", program]
        if ranks is not None:
            words = ["mpiexec", "-n", str(ranks * len(place.nodes)), "-ppn", str(ranks)]
            words += ["--hostfile", environment["PERDURE_HOSTFILE"]]
            return words + self._binding("depth", "--depth", str(max(1, self.cores // ranks))) + program
        if alone:
            index = str(self.indices[place.nodes[0]])
            return ["/bin/sh", "-c", PBSDSH, "sh", "pbsdsh", "-n", index, "--"] + program
        write(host, self.hosts[place.nodes[0]] + "\n")
        return ["mpiexec", "-n", "1", "--hostfile", host] + self._binding("none") + program

    def _script(self, attempt, argv, environment, cpus, alone):
        lines = []
        for name, value in environment.items():
            if re.fullmatch(r"[A-Za-z_]\w*", name) and not LAUNCHERS_OWN.match(name):
                lines.append("export %s=%s" % (name, shlex.quote(value)))
        lines += ["cd %s || exit 70" % shlex.quote(attempt.directory), "set -- " + shlex.join(argv)]
        if cpus is not None:
            numbers = ",".join(map(str, sorted(cpus)))
            lines += ['taskset -c %s true 2>/dev/null && set -- taskset -c %s "$@"' % (numbers, numbers)]
        return "\n".join(lines + [UNDER_PBSDSH if alone else 'exec "$@"', ""])
