#!/bin/sh
# The commands that users of three gateways have in their scripts: curl.sh ADDRESS GATEWAY.
# Whatever is not answered with 2xx ends it.
set -eu

url=http://$1
push() { curl --fail-with-body --silent --show-error --data-binary @- "$@"; }
request() { curl --fail-with-body --silent --show-error --request "$@"; }

case $2 in
pushgateway)
	echo 'curl_backup_size_bytes 3.25' | push "$url/metrics/job/backup"
	push "$url/metrics/job/backup/instance/db1" <<-'METRICS'
		# TYPE curl_rows counter
		curl_rows{table="users"} 42
		# TYPE curl_duration_seconds gauge
		# HELP curl_duration_seconds How long it took.
		curl_duration_seconds 2398.283
	METRICS
	echo 'curl_gone 1' | push "$url/metrics/job/gone/instance/db1"
	request DELETE "$url/metrics/job/gone/instance/db1"
	echo 'curl_put 1' | request PUT --data-binary @- "$url/metrics/job@base64/YmFja3VwL2Ri"
	;;
gravel)
	for _ in 1 2; do
		push "$url/metrics" <<-'METRICS'
			# TYPE curl_requests_total counter
			curl_requests_total 3
			# TYPE curl_last_total counter
			curl_last_total{clearmode="replace"} 3
			# TYPE curl_workers gauge
			curl_workers{clearmode="aggregate"} 2
			# TYPE curl_temperature gauge
			curl_temperature 20
		METRICS
	done
	for version in 0.0.1 0.0.2; do
		push "$url/metrics" <<-METRICS
			# TYPE curl_version gauge
			curl_version{version="$version",clearmode="family"} 1
		METRICS
	done
	echo 'curl_lookups 1' | push "$url/metrics/job/dns/zone/example.org"
	;;
aggregation)
	for _ in 1 2; do
		echo 'curl_requests_total{method="post",code="200"} 1027' | push "$url/metrics/"
		echo '
curl_hits_total{code="200"} 10
curl_errors_total{code="500"} 6
' | push "$url/metrics/domain/example.org/instance/nginx-1"
		push "$url/metrics/job/browser" <<-'METRICS'
			# TYPE curl_tabs gauge
			curl_tabs 2
		METRICS
	done
	;;
*)
	echo "no such gateway: $2" >&2
	exit 1
	;;
esac
