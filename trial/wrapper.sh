#!/bin/sh
# Runs one attempt of a trial and writes its fate: wrapper.sh DIRECTORY PROGRAM [ARGUMENT...]
# The directory holds: run.lock (the fence), pid (who runs it: pid, start, boot), stop (asked to end), status (exit status).
# A file counts once its line is complete. Nothing here outlives a lost power supply, and nothing has to: a job without a
# status whose process is gone is lost, and repeated.
cd "$1" || exit 70
shift
# Whoever makes the directory runs the attempt; a second start of it ends here.
mkdir run.lock 2>/dev/null || exit 0

identify() {
  started=$(ps -o lstart= -p $$ 2>/dev/null | tr -s ' ' '_') boot=-
}
if [ -r "/proc/$$/stat" ]; then
  # Without starting a process: the 20th field after the command's name is the start time, in ticks since boot.
  identify() {
    read -r line <"/proc/$$/stat"
    # shellcheck disable=SC2086
    set -- ${line##*) }
    shift 19
    started=$1
    read -r boot </proc/sys/kernel/random/boot_id
  }
fi
identify
# From here TERM ends the program, and this shell stays to say so; a trap, unlike ignoring, is not inherited.
trap : TERM INT HUP
printf '%s %s %s\n' "$$" "$started" "$boot" >pid
if [ -e stop ]; then
  code=143
else
  "$@" >output.log 2>&1 </dev/null
  code=$?
fi
printf '%s\n' "$code" >status
# What the program left running ends with it.
trap '' TERM
kill -TERM 0 2>/dev/null
exit 0
