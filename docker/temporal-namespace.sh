#!/bin/sh
# The namespace, and the search attributes by which studies and trials are found.
set -eu
temporal operator namespace describe --namespace default >/dev/null 2>&1 ||
  temporal operator namespace create --namespace default --retention 30d
known=$(temporal operator search-attribute list --namespace default)
for attribute in PerdureStudy=Keyword PerdureSite=Keyword PerdureState=Keyword PerdureBest=Double PerdureTrial=Int; do
  case $known in
    *"${attribute%=*}"*) ;;
    *) temporal operator search-attribute create --namespace default --name "${attribute%=*}" --type "${attribute#*=}" ;;
  esac
done
