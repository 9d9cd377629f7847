# The commands of README, CI and the image, in one place.

CARGO ?= cargo
TARGET_DIR := $(or $(CARGO_TARGET_DIR),target)
IMAGE := target/image
REVISION := $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
export PSG_REVISION = $(REVISION)

# $(call need,command,debian package,fedora package,alpine package,homebrew package)
# gets a missing tool through the system's package manager, saying so.
need = $(call need_what,$(1),command -v $(1),$(2),$(3),$(4),$(5))

# The same for what is no command: a name, and what succeeds where it is there.
define need_what
@$(2) >/dev/null 2>&1 || { \
	sudo=; [ "$$(id -u)" = 0 ] || sudo=sudo; \
	echo "$(1) is missing: installing it through the system's package manager"; \
	if command -v apt-get >/dev/null 2>&1; then \
		$$sudo apt-get update -qq && DEBIAN_FRONTEND=noninteractive $$sudo apt-get install -y -qq $(3) >/dev/null; \
	elif command -v dnf >/dev/null 2>&1; then $$sudo dnf install -y -q $(4); \
	elif command -v apk >/dev/null 2>&1; then $$sudo apk add -q $(5); \
	elif command -v brew >/dev/null 2>&1; then brew install -q $(6); \
	else echo "no known package manager: install $(1) by hand" >&2; exit 1; fi; \
	$(2) >/dev/null 2>&1 || { echo "$(1) is still missing after the installation" >&2; exit 1; }; }
endef

FUZZ_TARGETS := $(notdir $(basename $(wildcard fuzz/fuzz_targets/*.rs)))
SECONDS := 60
INFERNO := target/tools/bin

.PHONY: help demo test check-style tests compat peers torture bench profile fuzz mutants release image-root need-redis need-prometheus need-pushgateway need-openssl need-strace need-curl need-npm need-phpredis need-predis need-redis-rb need-perl-redis need-hiredis need-perf need-inferno need-pip install-pip

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1\t\2/p' $(MAKEFILE_LIST) | expand -t 16

# A profile of its own: what takes long to build makes no demo better.
demo: $(if $(REDIS),need-redis) ## the gateway and producers, until Ctrl-C; REDIS=1: with a Redis between them
	@exec $(CARGO) run --profile demo --locked -- demo $(if $(REDIS),--redis) $(DEMO_ARGS)

test: check-style tests ## format, lints, docs and every test

check-style:
	$(CARGO) fmt --all --check
	$(CARGO) clippy --workspace --all-targets --features failpoints --locked -- -D warnings
	$(CARGO) clippy --workspace --locked -- -D warnings
	RUSTDOCFLAGS="-D warnings" $(CARGO) doc --workspace --no-deps --locked --quiet

tests: need-redis need-prometheus need-pushgateway need-openssl need-strace need-curl need-pip need-npm
	$(CARGO) test --workspace --features failpoints --locked
	CARGO="$(CARGO)" python3 tests/compat/run.py --short

compat: need-redis need-pip ## kill campaigns, histories and the short torture on Redis 6.2, 7.0, 8.2 and Valkey (ONLY=name)
	@CARGO="$(CARGO)" python3 tests/compat/run.py

peers: need-redis need-pushgateway ## checks against real peers, built with Go 1.26 (S3 server, Prometheus 3, clients): ONLY=name
	@CARGO="$(CARGO)" python3 tests/peers/run.py

# A round that fails prints its seed: make torture SEED=n ROUNDS=1 runs it alone.
torture: need-redis ## rounds of random faults and kills under load: ROUNDS=300 SEED=n
	$(CARGO) test --features failpoints --locked --test it -- \
		torture::long --exact --ignored --nocapture

bench: need-redis ## measures, and writes benches/RESULTS.md: ONLY=rates|size|push|door|curves|remote|instructions ROUNDS=5 QUICK=1
	$(CARGO) bench --locked --bench gateway

# Frame pointers, because perf's other way of walking the stack loses most of it to inlining.
profile: need-redis need-perf need-inferno ## a flame graph of the ingest path in target/profile/ingest.svg: MODE=list|reader|group
	@perf record --quiet --output /dev/null -- true >/dev/null 2>&1 || { \
		echo "perf may not sample here (kernel.perf_event_paranoid is" \
			"$$(cat /proc/sys/kernel/perf_event_paranoid 2>/dev/null || echo absent)):" \
			"as root, sysctl kernel.perf_event_paranoid=1; in a container, --cap-add PERFMON" >&2; \
		exit 1; }
	ONLY=profile RUSTFLAGS="-C force-frame-pointers=yes" \
		$(CARGO) bench --profile profiling --locked --bench gateway
	perf script --no-inline --input target/profile/perf.data 2>/dev/null | \
		$(INFERNO)/inferno-collapse-perf > target/profile/ingest.folded
	$(INFERNO)/inferno-flamegraph --title "ingest, $(or $(MODE),list)" \
		target/profile/ingest.folded > target/profile/ingest.svg
	@echo "written to target/profile/ingest.svg"

fuzz: ## search for what breaks a decoder: TARGET=event (or all of them), SECONDS=60 for each
	@$(CARGO) +nightly fuzz --version >/dev/null 2>&1 || { \
		echo "fuzzing needs nightly Rust and cargo-fuzz: rustup toolchain install nightly &&" \
			"cargo install cargo-fuzz" >&2; exit 1; }
	@for target in $(or $(TARGET),$(FUZZ_TARGETS)); do \
		mkdir -p fuzz/target/corpus/$$target; \
		$(CARGO) +nightly fuzz run $$target fuzz/target/corpus/$$target fuzz/corpus/$$target \
			-- -max_total_time=$(SECONDS) -timeout=10 || exit 1; \
	done

mutants: need-redis need-prometheus need-pushgateway need-openssl need-strace need-curl need-pip need-npm ## break the durability code line by line; each must be caught (ONLY=name)
	@python3 tests/mutants/run.py

release: ## the binary that the image ships
	$(CARGO) build --release --locked
	@test -x $(TARGET_DIR)/release/prom-stream-gateway
	@! grep -qaE 'FAILPOINTS|apply-middle' $(TARGET_DIR)/release/prom-stream-gateway || { \
		echo "the release can be told to kill itself: it was built with the feature failpoints" >&2; \
		exit 1; }

image-root: release ## the image's files, laid out in target/image as the Dockerfile copies them
	rm -rf $(IMAGE)
	install -D -m 755 $(TARGET_DIR)/release/prom-stream-gateway $(IMAGE)/usr/local/bin/prom-stream-gateway
	install -d -m 755 $(IMAGE)/data

need-redis:
	$(call need,redis-server,redis-server,redis,redis,redis)
need-prometheus:
	$(call need,promtool,prometheus,golang-github-prometheus,prometheus,prometheus)
# Where it cannot be had, what compares with it is skipped.
need-pushgateway:
	-$(call need,prometheus-pushgateway,prometheus-pushgateway,golang-github-prometheus-pushgateway,prometheus-pushgateway,prometheus-pushgateway)
need-openssl:
	$(call need,openssl,openssl,openssl,openssl,openssl)
need-strace:
	$(call need,strace,strace,strace,strace,strace)
need-curl:
	$(call need,curl,curl,curl,curl,curl)
need-npm:
	$(call need,npm,npm,nodejs-npm,npm,node)
# Redis clients that no language's registry brings: one that cannot be had is skipped.
need-phpredis:
	$(call need_what,phpredis,php --ri redis,php-cli php-redis,php-cli php-pecl-redis6,php83 php83-pecl-redis,php)
need-predis:
	$(call need_what,Predis,php -r "require 'Predis/Autoloader.php';",php-cli php-nrk-predis,php-cli php-nrk-Predis,php83,php)
need-redis-rb:
	$(call need_what,redis-rb,ruby -r redis -e 1,ruby-redis,ruby rubygem-redis,ruby,ruby)
need-perl-redis:
	$(call need_what,Redis for Perl,perl -M'Redis 2' -e 1,libredis-perl,perl-Redis,perl-redis,perl)
need-hiredis:
	$(call need_what,hiredis,cc -include hiredis/hiredis.h -E -x c /dev/null,gcc libhiredis-dev,gcc hiredis-devel,gcc musl-dev hiredis-dev,hiredis)
need-perf:
	$(call need,perf,linux-perf,perf,perf,perf)
need-inferno:
	@test -x $(INFERNO)/inferno-flamegraph || { \
		echo "inferno is missing: installing it below target/tools"; \
		$(CARGO) install --quiet --locked --root target/tools inferno; }
# The tests install the Python client with pip, wherever it comes from.
need-pip:
	@python3 -m pip --version >/dev/null 2>&1 || python3 -c 'import ensurepip' 2>/dev/null || \
		$(MAKE) --no-print-directory install-pip
install-pip:
	$(call need,pip3,python3-pip,python3-pip,py3-pip,python)
