# SPDX-License-Identifier: Apache-2.0
#
# The one build. Non-recursive: every room's sources are listed by wildcard, so a
# new file needs no line here. Two variants: release (what is installed) and san
# (ASan and UBSan, what the tests run). `make help` lists the targets.

BUILD   ?= build
CC      ?= gcc
CLANG   ?= clang
PYTHON  ?= /usr/bin/python3
PREFIX  ?= /usr/local
VERSION := 0.1.0

PKGS := libuv libcurl libmicrohttpd gnutls nettle libcjson libconfig yaml-0.1 \
        libnl-3.0 libnl-route-3.0 sqlite3 libpcap libbsd-overlay
# Asked once and only when something is compiled: `make deps` must work before they exist.
PKG_CFLAGS = $(eval PKG_CFLAGS := $$(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS   = $(eval PKG_LIBS := $$(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)

WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2 -Wpointer-arith -Wvla
# An event without pairs is logged with an empty format.
WARN += -Wno-format-zero-length
# What a table leaves out is zero, and meant so.
WARN += -Wno-missing-field-initializers
ifdef CI
WARN += -Werror
endif

# uthash: failing to allocate must not exit() behind our back with a default message.
CPPFLAGS_ALL = -I. -D_GNU_SOURCE '-DBELLMAN_VERSION="$(VERSION)"' $(PKG_CFLAGS) $(CPPFLAGS)
CFLAGS_ALL   = -std=gnu11 $(WARN) $(CFLAGS)

release_CFLAGS  := -O2 -g -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2 -fstack-protector-strong -fPIE
release_LDFLAGS := -pie -Wl,-z,relro,-z,now -Wl,--as-needed
san_CFLAGS      := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
san_LDFLAGS     := -fsanitize=address,undefined -Wl,--as-needed
fuzz_CFLAGS     := -O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined
fuzz_LDFLAGS    := -fsanitize=fuzzer,address,undefined -Wl,--as-needed
fuzz_CC         := $(CLANG)

ROOMS     := lib/base lib/model lib/kube lib/daemon proto allocator speaker sim standalone/apiserver standalone/proxy ctl
ROOM_SRCS := $(filter-out %/main.c,$(foreach r,$(ROOMS),$(wildcard $(r)/*.c)))

# program = folder of its main.c
PROGRAMS := bellman-allocator bellman-speaker bellman-apiserver bellman-proxy bellman
bellman-allocator_MAIN := allocator/main
bellman-speaker_MAIN   := speaker/main
bellman-apiserver_MAIN := standalone/apiserver/main
bellman-proxy_MAIN     := standalone/proxy/main
bellman_MAIN           := ctl/main

UNIT_TESTS := $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
FUZZERS    := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
SIM_TESTS  := $(patsubst tests/sim/%.c,%,$(wildcard tests/sim/*.c))
BENCHES    := $(patsubst tests/bench/%.c,%,$(wildcard tests/bench/bench_*.c))

.PHONY: all deps test test-sim soak-sim mutate-sim demo lint bench fuzz install clean help unit san format print-cflags
all: $(PROGRAMS:%=$(BUILD)/bin/%)
san: $(PROGRAMS:%=$(BUILD)/san/bin/%)

help:
	@echo 'make            build into $(BUILD)/bin'
	@echo 'make deps       install what Debian or Ubuntu lacks'
	@echo 'make demo       the main job in network namespaces (root; KEEP=1 leaves it running)'
	@echo 'make test       unit, golden and lab tests under ASan and UBSan (root for the lab)'
	@echo 'make test-sim   2,000 made-up scenarios in the simulator; part of make test'
	@echo 'make soak-sim   new ones for SECONDS (default 600), from SEED or the time of day'
	@echo 'make mutate-sim small faults in the engines, each of which the simulator must notice'
	@echo 'make lint       format, static analysis, both compilers with -Werror, licences'
	@echo 'make fuzz       every fuzzer, SECONDS each (default 60)'
	@echo 'make bench      figures of docs/benchmarks.md (root)'
	@echo 'make install    DESTDIR= PREFIX='

# --- one set of rules for each variant -------------------------------------------------
define VARIANT
$(BUILD)/$(1)/obj/%.o: %.c
	@mkdir -p $$(@D)
	$$(or $$($(1)_CC),$$(CC)) $$(CPPFLAGS_ALL) $$(CFLAGS_ALL) $$($(1)_CFLAGS) -MMD -MP -c -o $$@ $$<

$(BUILD)/$(1)/libbellman.a: $(ROOM_SRCS:%.c=$(BUILD)/$(1)/obj/%.o)
	@rm -f $$@
	ar rcs $$@ $$^

-include $$(wildcard $(BUILD)/$(1)/obj/*/*.d $(BUILD)/$(1)/obj/*/*/*.d)
endef
$(foreach v,release san fuzz,$(eval $(call VARIANT,$(v))))

# $(call LINK,variant): objects and the archive are the prerequisites.
LINK = $(or $($(1)_CC),$(CC)) $($(1)_CFLAGS) $($(1)_LDFLAGS) $(LDFLAGS) -o $@ $^ $(PKG_LIBS) -lm $(LIBS)

define PROGRAM
$(BUILD)/bin/$(1): $(BUILD)/release/obj/$($(1)_MAIN).o $(BUILD)/release/libbellman.a
	@mkdir -p $$(@D)
	$$(call LINK,release)
$(BUILD)/san/bin/$(1): $(BUILD)/san/obj/$($(1)_MAIN).o $(BUILD)/san/libbellman.a
	@mkdir -p $$(@D)
	$$(call LINK,san)
endef
$(foreach p,$(PROGRAMS),$(eval $(call PROGRAM,$(p))))

$(BUILD)/san/unit/%: LIBS = -lcmocka
$(BUILD)/san/unit/%: $(BUILD)/san/obj/tests/unit/%.o $(BUILD)/san/libbellman.a
	@mkdir -p $(@D)
	$(call LINK,san)
$(BUILD)/san/sim/%: $(BUILD)/san/obj/tests/sim/%.o $(BUILD)/san/libbellman.a
	@mkdir -p $(@D)
	$(call LINK,san)
$(BUILD)/sim/%: $(BUILD)/release/obj/tests/sim/%.o $(BUILD)/release/libbellman.a
	@mkdir -p $(@D)
	$(call LINK,release)
$(BUILD)/fuzz/bin/%: $(BUILD)/fuzz/obj/tests/fuzz/%.o $(BUILD)/fuzz/libbellman.a
	@mkdir -p $(@D)
	$(call LINK,fuzz)
$(BUILD)/bench/%: $(BUILD)/release/obj/tests/bench/%.o $(BUILD)/release/libbellman.a
	@mkdir -p $(@D)
	$(call LINK,release)

.PRECIOUS: $(BUILD)/release/obj/%.o $(BUILD)/san/obj/%.o $(BUILD)/fuzz/obj/%.o

unit: $(UNIT_TESTS:%=$(BUILD)/san/unit/%) $(SIM_TESTS:%=$(BUILD)/san/sim/%)

# --- what people run ---------------------------------------------------------------------
deps:
	@BUILD=$(BUILD) tools/deps

test: deps
	@$(MAKE) --no-print-directory all san unit
	@$(PYTHON) tests/run.py --build $(BUILD)

test-sim: deps
	@$(MAKE) --no-print-directory $(BUILD)/san/sim/random
	@$(PYTHON) tests/sim/play.py --build $(BUILD)

soak-sim: deps
	@$(MAKE) --no-print-directory $(BUILD)/san/sim/random
	@$(PYTHON) tests/sim/play.py --build $(BUILD) --soak $(or $(SECONDS),600) $(if $(SEED),--seed $(SEED))

mutate-sim: deps
	@$(PYTHON) tests/sim/mutate.py $(if $(SEEDS),--seeds $(SEEDS))

demo: deps
	@$(MAKE) --no-print-directory --silent all
	@$(PYTHON) tests/lab/demo.py --bin $(BUILD)/bin --pcap $(BUILD)/demo.pcap $(if $(KEEP),--keep)

lint: deps
	@BUILD=$(BUILD) tools/lint

print-cflags: # for the analyser of tools/lint
	@echo -std=gnu11 -I. -D_GNU_SOURCE '-DBELLMAN_VERSION="$(VERSION)"' $(PKG_CFLAGS)

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

fuzz: deps
	@$(MAKE) --no-print-directory $(FUZZERS:%=$(BUILD)/fuzz/bin/%)
	@tools/fuzz $(BUILD)/fuzz/bin $(or $(SECONDS),60)

bench: deps
	@$(MAKE) --no-print-directory all $(BENCHES:%=$(BUILD)/bench/%)
	@$(PYTHON) tests/bench/run.py --build $(BUILD)

SHARE = $(DESTDIR)$(PREFIX)/share
UNITS = $(DESTDIR)$(PREFIX)/lib/systemd/system
install: all
	install -d $(DESTDIR)$(PREFIX)/bin $(UNITS) $(SHARE)/bellman/crds $(SHARE)/bellman/samples $(SHARE)/bellman/scenarios $(SHARE)/man/man1 $(SHARE)/man/man5 $(SHARE)/man/man8
	install -m 755 $(PROGRAMS:%=$(BUILD)/bin/%) $(DESTDIR)$(PREFIX)/bin
	for s in 1 5 8; do install -m 644 docs/man/*.$$s $(SHARE)/man/man$$s || exit 1; done
	install -m 644 config/crds/*.yaml $(SHARE)/bellman/crds
	install -m 644 config/webhook.yaml $(SHARE)/bellman
	install -m 644 config/samples/* $(SHARE)/bellman/samples
	install -m 644 config/scenarios/* $(SHARE)/bellman/scenarios
	for u in config/systemd/*.service; do sed 's|/usr/local/|$(PREFIX)/|g' $$u >$(UNITS)/$${u##*/} || exit 1; done

clean:
	rm -rf $(BUILD)
