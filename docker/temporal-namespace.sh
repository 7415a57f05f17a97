#!/bin/sh
# Creates the namespace, and the search attributes by which studies and trials are found.
set -eu
temporal operator namespace describe --namespace default >/dev/null 2>&1 ||
  temporal operator namespace create --namespace default --retention 30d
# The server reads its list of namespaces every few seconds, so it does not find a new one at once.
tries=0
until known=$(temporal operator search-attribute list --namespace default); do
  tries=$((tries + 1))
  [ "$tries" -lt 60 ] || exit 1
  sleep 1
done
for attribute in PerdureStudy=Keyword PerdureSite=Keyword PerdureState=Keyword PerdureBest=Double PerdureTrial=Int; do
  case $known in
    *"${attribute%=*}"*) ;;
    *) temporal operator search-attribute create --namespace default --name "${attribute%=*}" --type "${attribute#*=}" ;;
  esac
done
