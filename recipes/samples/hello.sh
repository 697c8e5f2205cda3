#!/bin/sh
set -eu
name="${1:-Zoë}" # greet
echo "hi $name"
