#!/bin/sh
# Runs one attempt of a trial and writes its fate: wrapper.sh [--leave-group] DIRECTORY PROGRAM [ARGUMENT...]
# DIRECTORY/.perdure holds: run.lock (the fence), owner (in a PBS job: its id, the host, the time in seconds), pid (who runs
# it: pid, start, boot), stop (asked to end), tombstone (given up), status (exit status; `stopped` if it had been asked to end by
# then; `signalled` if this shell received a signal). A file counts once its line is complete. These files may be lost with the
# machine's power: a job without a status whose process is gone is lost, and repeated.
perdure_group=own
# The process group is somebody else's, who ends what is left in it.
if [ "$1" = --leave-group ]; then
  perdure_group=
  shift
fi
cd "$1" || exit 70
shift
# Whoever makes the file runs the attempt; a second start of it ends here. noclobber makes it by O_EXCL, without a process.
set -C
command : 2>/dev/null >.perdure/run.lock || exit 0
set +C

# Names of this shell's own start with perdure_, since an exported variable of the trial's would change with them.
perdure_identify() {
  # The worker asks in the same words: a trial may have a language and a time zone of its own.
  perdure_start=$(LC_ALL=C TZ=UTC0 ps -o lstart= -p $$ 2>/dev/null | tr -s ' ' '_') perdure_boot=-
}
if [ -r "/proc/$$/stat" ]; then
  # Without starting a process: the 20th field after the command's name is the start time, in ticks since boot.
  perdure_identify() {
    read -r perdure_stat <"/proc/$$/stat"
    # shellcheck disable=SC2086
    set -- ${perdure_stat##*) }
    shift 19
    perdure_start=$1
    read -r perdure_boot </proc/sys/kernel/random/boot_id
  }
fi
perdure_identify
if [ -n "${PBS_JOBID-}" ]; then
  printf '%s %s %s\n' "$PBS_JOBID" "$(uname -n)" "$(date +%s)" >.perdure/owner.tmp && mv -f .perdure/owner.tmp .perdure/owner
fi
perdure_signalled=
# From here TERM ends the program, and this shell stays to say so; a trap, unlike ignoring, is not inherited.
trap 'perdure_signalled=" signalled"' TERM INT HUP
# A job that nobody could find again must not run.
printf '%s %s %s\n' "$$" "$perdure_start" "$perdure_boot" >.perdure/pid || exit 71
# What was stopped or given up before it started leaves no status.
[ -e .perdure/stop ] && exit 0
[ -e .perdure/tombstone ] && exit 0
# What can't even begin to write is no fault of the program's.
{ : >output.log; } 2>/dev/null || exit 71
# The checkpoint of the newest earlier attempt moves on to this one: a program of an earlier attempt that still runs can't write to it by
# its path any more. `checkpoint` is that of attempt 1, `checkpoint.N` that of attempt N.
perdure_attempt=${PWD##*/a}
case $PWD in */prepared/*) perdure_attempt= ;; esac
case $perdure_attempt in
  '' | *[!0-9]* | 1) ;;
  *)
    perdure_checkpoint=../checkpoint.$perdure_attempt
    while [ ! -d "$perdure_checkpoint" ] && [ "$perdure_attempt" -gt 1 ]; do
      perdure_attempt=$((perdure_attempt - 1))
      perdure_earlier=../checkpoint.$perdure_attempt
      [ "$perdure_attempt" -gt 1 ] || perdure_earlier=../checkpoint
      [ ! -d "$perdure_earlier" ] || mv "$perdure_earlier" "$perdure_checkpoint" 2>/dev/null
    done
    [ -d "$perdure_checkpoint" ] || mkdir "$perdure_checkpoint"
    ;;
esac
case $1 in -*) set -- "./$@" ;; esac
# exec, so that a program called like a command of this shell (exit, eval) is looked up on PATH as any other.
(exec "$@") >output.log 2>&1 </dev/null
perdure_code=$?
# Asked here and not by comparing times: TERM ends most programs within a tick of the clock.
perdure_stopped=
[ -e .perdure/stop ] && perdure_stopped=' stopped'
# PBS signals the processes of a job one after the other (kill_session of its MOM): what ended the program without success may
# be on its way to this shell. `login`: not a job's.
if [ "${PBS_JOBID:-login}" != login ] && { [ "$perdure_code" != 0 ] || [ ! -e .perdure/result.json ]; }; then
  for perdure_turn in 1 2 3 4 5 6 7 8 9 10; do
    [ -z "$perdure_signalled" ] || break
    sleep 0.1
  done
fi
printf '%s%s%s\n' "$perdure_code" "$perdure_stopped" "$perdure_signalled" >.perdure/status
# What the program left running ends with it.
trap '' TERM
[ -z "$perdure_group" ] || kill -TERM 0 2>/dev/null
exit "$perdure_code"
