#!/bin/sh
# An authority of one's own, and one certificate for the containers of compose.yaml: Dask shows it at
# both ends, the server to whoever asks it by https://localhost:8432 or https://server:8432.
set -eu
cd "$(dirname "$0")"
mkdir -p certificates
cd certificates
umask 077
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 365 \
    -subj /CN=btkit-authority -keyout ca.key -out ca.pem
openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=btkit \
    -keyout btkit.key -out btkit.csr
printf 'subjectAltName=DNS:server,DNS:scheduler,DNS:localhost,IP:127.0.0.1\n' > names.txt
openssl x509 -req -in btkit.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 365 \
    -extfile names.txt -out btkit.pem
rm btkit.csr names.txt
# The containers' user, 1000, reads them, and nobody else.
[ "$(id -u)" -eq 1000 ] || chown -R 1000 . || echo "Let user 1000 own $PWD." >&2
