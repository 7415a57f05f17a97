# What Perdure does on the login node for a preparation (`prepare:` of a study): functions that are sent after those of
# pbs_site.sh, and only where there is one. prepared/HASH holds the study's files, whatever the preparation makes, and
# output.log. Its .perdure has, besides what the wrapper writes: run (which run of it this is), name (of its PBS job), asked/
# (who waits for it), beat (when it last was alive on a login node, in seconds), failed (the verdict; its output stays).

# prepared_in_vain PATH: whether it has ended and nothing came of it.
prepared_in_vain() {
  [ ! -e "$1/.perdure/failed" ] || return 0
  perdure_line=
  read -r perdure_line 2>/dev/null <"$1/.perdure/status" || return 1
  [ "$perdure_line" != 0 ]
}

# begin_preparation NUMBER PATH ASKER RUN: fails where its directory is there; the asker is noted in it.
begin_preparation() {
  perdure_wrong=
  if [ -d "$2/.perdure" ]; then
    [ ! -e "$2/.perdure/asked/$3" ] || return 1
    if prepared_in_vain "$2"; then
      # By the name of this run: whoever comes late can't move away a later one.
      perdure_line=
      read -r perdure_line 2>/dev/null <"$2/.perdure/run"
      mv -T "$2" "$2.failed-$perdure_line" 2>/dev/null
    else
      command : >"$2/.perdure/asked/$3"
    fi
  fi
  [ ! -e "$2" ] || return 1
  perdure_new=$2.$4.tmp
  rm -rf "$perdure_new"
  mkdir -p "$perdure_new/.perdure/asked" && command : >"$perdure_new/.perdure/asked/$3" || perdure_wrong="can't make $2"
  put_text .perdure/run "$4
"
}

# begin_here PATH WRAPPER: runs it on this login node, detached from the connection; the wrapper's fence lets one run.
begin_here() {
  (
    trap - HUP PIPE
    unset LC_ALL
    # So that the wrapper notes this host.
    PBS_JOBID=login
    export PBS_JOBID
    exec setsid /bin/sh "$2" "$PWD/$1" /bin/bash -l "$PWD/$1/.perdure/run.sh"
  ) </dev/null >/dev/null 2>&1 &
}

# is_here: whether the preparation of perdure_at runs, or ran, on this host; sets perdure_pid and whether it is alive.
is_here() {
  perdure_pid=
  perdure_alive=no
  read -r perdure_line perdure_host perdure_since 2>/dev/null <"$perdure_at/owner" || return 1
  [ "$perdure_host" = "$(uname -n)" ] || return 1
  read -r perdure_pid perdure_start perdure_boot 2>/dev/null <"$perdure_at/pid" || return 0
  [ "$perdure_boot" = "$(cat /proc/sys/kernel/random/boot_id)" ] || return 0
  if read -r perdure_line 2>/dev/null <"/proc/$perdure_pid/stat"; then
    # shellcheck disable=SC2086
    set -- ${perdure_line##*) }
    shift 19
    # An id that another process has got since.
    [ "$1" = "$perdure_start" ] && perdure_alive=yes
  elif kill -s KILL -- "-$perdure_pid" 2>/dev/null; then
    # The wrapper was killed and the program was not: nobody would learn how it ends.
    perdure_alive=yes
  fi
  return 0
}

# sign_of_life NUMBER PATH: begun, alive or dead. Begins it where nobody has.
sign_of_life() {
  perdure_at=$2/.perdure
  if [ ! -e "$perdure_at/run.lock" ]; then
    if [ -e "$perdure_at/stop" ]; then say "dead $1"; else
      begin_here "$2" "$3"
      say "begun $1"
    fi
    return
  fi
  if is_here; then
    if [ "$perdure_alive" = yes ]; then
      say "alive $1"
      return
    fi
    perdure_patience=10
  else
    # Another login node has it, and this one can't ask it.
    perdure_patience=180
  fi
  perdure_beat=$(cat "$perdure_at/beat" 2>/dev/null)
  [ -n "$perdure_beat" ] || perdure_beat=$(stat -c %Y "$perdure_at/run.lock" 2>/dev/null || date +%s)
  if [ $(($(date +%s) - perdure_beat)) -gt "$perdure_patience" ]; then say "dead $1"; else say "alive $1"; fi
}

# follow_preparation NUMBER PATH WRAPPER LIMIT GRACE: goes on with it, here or (WRAPPER is -) as a job, and looks at it.
follow_preparation() {
  perdure_at=$2/.perdure
  say_line "$1" run "$perdure_at/run"
  if [ -e "$perdure_at/failed" ]; then
    say_line "$1" verdict "$perdure_at/failed"
  elif [ ! -e "$perdure_at/status" ]; then
    if [ "$3" != - ]; then
      # Before the status is read: what is dead then has written it.
      sign_of_life "$1" "$2" "$3"
    else
      read -r perdure_name <"$perdure_at/name"
      submit "$1" "$2" "$perdure_name" "$4" "$5"
    fi
  fi
  look "$1" "$2" "${2##*/}" 0
}

# fail_preparation NUMBER PATH RUN TEXT: nothing came of this run, whatever it may still do; the first verdict stays.
fail_preparation() {
  perdure_at=$2/.perdure
  perdure_line=
  read -r perdure_line 2>/dev/null <"$perdure_at/run"
  if [ "$perdure_line" = "$3" ]; then
    write_once "$perdure_at/stop" "cancelled nothing came of it"
    write_once "$perdure_at/failed" "$4"
  fi
  say_line "$1" verdict "$perdure_at/failed"
  say_tail "$1" tail "$2/output.log" 8196
  for perdure_output in "$perdure_at"/*.o[0-9]* "$perdure_at"/*.OU; do
    if [ -s "$perdure_output" ]; then say_tail "$1" job-output "$perdure_output" 4096; fi
  done
}

# write_once FILE TEXT
write_once() {
  printf '%s\n' "$2" >"$1.$$.tmp"
  ln "$1.$$.tmp" "$1" 2>/dev/null
  rm -f "$1.$$.tmp"
}

# leave_preparation NUMBER PATH ASKER: says whether nobody waits for it any more, though it is not over.
leave_preparation() {
  rm -f "$2/.perdure/asked/$3"
  if [ ! -d "$2/.perdure" ] || [ -e "$2/.perdure/status" ] || [ -e "$2/.perdure/failed" ]; then
    say "over $1"
  elif [ -n "$(ls -A "$2/.perdure/asked" 2>/dev/null)" ]; then
    say "shared $1"
  else
    say "alone $1"
    say_line "$1" run "$2/.perdure/run"
  fi
}

# stop_preparation NUMBER PATH WRAPPER TEXT: as stop_attempt; what runs on another login node ends itself when it sees the file.
stop_preparation() {
  perdure_at=$2/.perdure
  if [ "$3" = - ]; then
    read -r perdure_name <"$perdure_at/name"
    stop_attempt "$1" "$2" "${2##*/}" "$perdure_name" "$4"
    return
  fi
  write_once "$perdure_at/stop" "$4"
  if is_here && [ "$perdure_alive" = yes ]; then
    perdure_since=$(stat -c %Y "$perdure_at/stop" 2>/dev/null || date +%s)
    if [ $(($(date +%s) - perdure_since)) -gt 10 ]; then perdure_signal=KILL; else perdure_signal=TERM; fi
    kill -s "$perdure_signal" -- "-$perdure_pid" 2>/dev/null
  fi
  say "deleted $1 0"
}
