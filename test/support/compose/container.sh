#!/bin/sh
# Runs a command as a container would, in mount, UTS and process-id namespaces that unshare has made:
#   container.sh FOLDER HOST ADDRESS USER:GROUP DIRECTORY [SOURCE:TARGET:ro|rw ...] -- COMMAND [ARGUMENT...]
# The root is this machine's own below a writable layer that ends with the container. HOST is its name, ADDRESS in /etc/hosts says
# where all hosts are, one `ADDRESS HOST` a line.
set -eu
folder=$1 host=$2 hosts=$3 user=$4 directory=$5
shift 5
mount -t tmpfs tmpfs "$folder"
mkdir "$folder/upper" "$folder/work" "$folder/root"
root=$folder/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$folder/upper,workdir=$folder/work" "$root"
mount -t proc proc "$root/proc"
mount --rbind /dev "$root/dev"
mount -t tmpfs -o mode=1777 tmpfs "$root/tmp"
hostname "$host"
printf '%s\n' "$hosts" >"$root/etc/hosts"
while [ "$1" != -- ]; do
  mode=${1##*:}
  rest=${1%:*}
  source=${rest%%:*} target=$root${rest#*:}
  if [ -d "$source" ]; then
    mkdir -p "$target"
  else
    mkdir -p "$(dirname "$target")"
    [ -e "$target" ] || : >"$target"
  fi
  mount --rbind "$source" "$target"
  [ "$mode" = rw ] || mount -o remount,bind,ro "$target"
  shift
done
shift
mkdir -p "$root$directory"
exec chroot --userspec="$user" --groups= "$root" /bin/sh -c 'cd "$1" && shift && exec "$@"' sh "$directory" "$@"
