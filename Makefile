# Whorl. `make demo` and `make check` are all that a newcomer needs; `make help` lists the rest.
#
# One variant = one build folder:  make                       build/          gcc, optimised, hardened
#                                  make VARIANT=clang         build/clang     clang, the strictest warnings
#                                  make VARIANT=asan|tsan     build/asan …    clang with sanitizers
#                                  make VARIANT=fuzz          build/fuzz      clang, libFuzzer
#                                  make VARIANT=afl           build/afl       clang, instrumented by AFL++
#                                  make VARIANT=analyzer      build/analyzer  gcc -fanalyzer
# V=1 shows the commands. New, removed and renamed files, and changed flags, are noticed.

VARIANT ?= release
B := build$(if $(filter-out release,$(VARIANT)),/$(VARIANT))
CC := $(if $(filter release analyzer,$(VARIANT)),gcc,$(if $(filter afl,$(VARIANT)),afl-clang-fast,clang))
# where ccache is installed, what was compiled before, in this folder or another, is not compiled again
CCACHE := $(if $(filter-out afl,$(VARIANT)),$(shell command -v ccache))
export CCACHE_BASEDIR ?= $(CURDIR)
export CCACHE_NOHASHDIR ?= 1
JOBS ?= $(shell nproc)
Q := $(if $(V),,@)
MAKEFLAGS += --no-print-directory

PACKAGES := libmicrohttpd openssl sqlite3 jansson libuv libcurl libargon2 liboath cjose libcbor libconfig libsquashfs1 p11-kit-1
LAYERS   := base db pki firmware_store outbound fleet api server
WARN := -Wall -Wextra -Wconversion -Wsign-conversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wold-style-definition -Wpointer-arith -Wcast-qual -Wcast-align -Wwrite-strings -Wformat=2 -Wundef -Wvla \
	-Wswitch-enum -Wdouble-promotion -Wnull-dereference -Wimplicit-fallthrough -Wredundant-decls \
	-Wnested-externs -Werror
WARN_gcc   := -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wjump-misses-init -Warith-conversion -Wtrampolines
WARN_clang := -Wcomma -Wassign-enum -Wunreachable-code -Wconditional-uninitialized -Wthread-safety -Wdocumentation

WARN_afl-clang-fast := $(WARN_clang)

HARDEN := -D_FORTIFY_SOURCE=3 -fstack-protector-strong -fstack-clash-protection -fcf-protection
OPT_release  := -O2 $(HARDEN)
# off: what gcc 12 claims of out parameters because it does not follow the err_t that guards them
OPT_analyzer := -O1 -fanalyzer -Wno-analyzer-null-argument -Wno-analyzer-null-dereference -Wno-analyzer-malloc-leak \
	-Wno-analyzer-use-of-uninitialized-value
OPT_clang    := -O1
OPT_asan     := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
OPT_tsan     := -O1 -fno-omit-frame-pointer -fsanitize=thread
OPT_fuzz     := -O1 -fno-omit-frame-pointer -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all
OPT_afl      := -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
LINK_release := -pie -Wl,-z,relro,-z,now
# hundreds of test programs are linked: LLVM's linker takes a third of the time
LLD := $(if $(shell command -v ld.lld),-fuse-ld=lld)
LINK_asan := -fsanitize=address,undefined $(LLD)
LINK_tsan := -fsanitize=thread $(LLD)
LINK_fuzz := -fsanitize=address,undefined $(LLD)
LINK_afl := -fsanitize=address,undefined
export AFL_QUIET := 1

# -ffile-prefix-map: the same source gives the same bytes wherever it is built
CFLAGS  := -std=c11 -g -fPIE -pthread -D_GNU_SOURCE -I. -ffile-prefix-map=$(CURDIR)=. $(OPT_$(VARIANT)) $(WARN) $(WARN_$(CC))
CFLAGS  += $(shell pkg-config --cflags $(PACKAGES) 2>/dev/null)
LDFLAGS := -pthread -Wl,--as-needed $(LINK_$(VARIANT))
LDLIBS  := $(shell pkg-config --libs $(PACKAGES) 2>/dev/null) -lm

# the settings file is read by inih
LDLIBS += -linih

SRC_LIB    := $(foreach d,$(LAYERS),$(wildcard $(d)/*.c $(d)/*/*.c))
SRC_DEVICE := $(wildcard device/core/*.c device/host/*.c device/sim/*.c)
SRC_CMD    := $(wildcard cmd/*/*.c)
MIGRATIONS := $(sort $(wildcard db/migrations/sqlite/*.sql))
OPENAPI    := $(sort $(wildcard docs/openapi/*.json))
OBJ_LIB    := $(SRC_LIB:%.c=$(B)/obj/%.o) $(B)/obj/gen/migrations.o $(B)/obj/gen/openapi.o
OBJ_DEVICE := $(SRC_DEVICE:%.c=$(B)/obj/%.o)
OBJ_CMD    := $(SRC_CMD:%.c=$(B)/obj/%.o)
LIBS       := $(B)/libdevice.a $(B)/libwhorl.a

# cmd/<program>.c holds main(); cmd/<program>/*.c its parts, which tests/unit/cmd/ may link too
PROGRAMS := $(patsubst cmd/%.c,%,$(wildcard cmd/*.c))
# tests/unit/<layer>/test_*.c and tests/fuzz/fuzz_*.c: one program each
TESTS      := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/unit/*/test_*.c)))
TSAN_TESTS := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/unit/*/test_*_threads.c tests/unit/db/test_*.c \
	tests/unit/server/test_*.c)))
FUZZERS    := $(patsubst %.c,$(B)/%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

# $(call remember,file,text) touches the file only when the text has changed, so a rule can depend on a list or on flags
remember = $(shell mkdir -p $(dir $(1)); printf '%s\n' '$(strip $(2))' | cmp -s - $(1) || \
	printf '%s\n' '$(strip $(2))' >$(1))
$(call remember,$(B)/stamp/flags,$(CC) $(CFLAGS))
$(call remember,$(B)/stamp/link,$(LDFLAGS) $(LDLIBS))
$(call remember,$(B)/stamp/lib,$(OBJ_LIB))
$(call remember,$(B)/stamp/device,$(OBJ_DEVICE))
$(call remember,$(B)/stamp/cmd,$(OBJ_CMD))
$(call remember,$(B)/stamp/migrations,$(MIGRATIONS))
$(call remember,$(B)/stamp/openapi,$(OPENAPI))

.PHONY: all openapi deps deps-test deps-nightly clean help unit tests fuzz fuzz-keep fuzz-replay fuzzers afl headers lint format quick tsan check chaos demo \
	bench soak soak-controls nightly cppcheck valgrind tidy install uninstall version deb deb-test vm-test image reproducible chaos-build chaos-short chaos-controls chaos-random chaos-load
.SECONDARY:
.DELETE_ON_ERROR:

## all            build/whorld, build/whorl, build/whorl-device
all: $(PROGRAMS:%=$(B)/%) $(B)/stamp/symbols

# q, not r: two files of one name in two folders are two members
$(B)/libwhorl.a: $(OBJ_LIB) $(B)/stamp/lib
	$(Q)rm -f $@; ar qcsD $@ $(OBJ_LIB)
$(B)/libdevice.a: $(OBJ_DEVICE) $(B)/stamp/device
	$(Q)rm -f $@; ar qcsD $@ $(OBJ_DEVICE)
$(B)/libprograms.a: $(OBJ_CMD) $(B)/stamp/cmd
	$(Q)rm -f $@; ar qcsD $@ $(OBJ_CMD)

# the archives meet in one program: none may take a name of another
$(B)/stamp/symbols: tests/lint/symbols.sh $(LIBS) $(B)/libprograms.a
	@CC='$(CC)' sh tests/lint/symbols.sh $(filter %.a,$^)
	@touch $@

define link
	$(if $(V),,@echo "  LINK $@")
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS) -o $@ $(filter %.o %.a,$^) $(LDLIBS)
endef

define program
$(B)/$(1): $(B)/obj/cmd/$(1).o $(patsubst %.c,$(B)/obj/%.o,$(wildcard cmd/$(1)/*.c)) $(B)/libdevice.a $(B)/libwhorl.a \
		$(B)/stamp/link $(B)/stamp/cmd
	$$(link)
endef
$(foreach p,$(PROGRAMS),$(eval $(call program,$(p))))

define compile
	$(if $(V),,@echo "  CC   $@")
	@mkdir -p $(@D)
	$(Q)$(CCACHE) $(CC) $(CFLAGS) -MMD -MP -c -o $@ $<
endef
$(B)/obj/%.o: %.c $(B)/stamp/flags
	$(compile)
$(B)/obj/gen/%.o: $(B)/gen/%.c $(B)/stamp/flags
	$(compile)

# device/core is held to freestanding C99: no libc beyond the compiler's own headers
$(B)/obj/device/core/%.o: CFLAGS := $(filter-out -std=c11 -D_GNU_SOURCE,$(CFLAGS)) -std=c99 -pedantic

# the schema's steps become a table in the program (db/migrations.h)
$(B)/gen/migrations.c: deploy/embed-migrations.sh $(MIGRATIONS) $(B)/stamp/migrations
	@mkdir -p $(@D)
	$(Q)sh deploy/embed-migrations.sh $(MIGRATIONS) >$@

# the description of the API: build/openapi.json to read, and what the server answers at /openapi.json
$(B)/gen/openapi.c: deploy/openapi.py $(OPENAPI) $(B)/stamp/openapi
	@mkdir -p $(@D)
	$(Q)python3 -B deploy/openapi.py $(B)/openapi.json $@ $(OPENAPI)

# --- tests

$(B)/tests/unit/%: LDLIBS += -lcmocka
$(B)/tests/unit/%: $(B)/obj/tests/unit/%.o $(LIBS) $(B)/stamp/link
	$(link)
$(B)/tests/unit/cmd/%: $(B)/obj/tests/unit/cmd/%.o $(B)/libprograms.a $(LIBS) $(B)/stamp/link
	$(link)
# a program whose malloc fails where it says
$(B)/tests/unit/base/test_json_memory: LDFLAGS += -Wl,--wrap=malloc
# a PKCS#11 module that misbehaves when it is told to; it serves programs of every variant, so it has no sanitizer
$(B)/tests/pkcs11/shim.so: tests/pkcs11/shim.c $(B)/stamp/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fsanitize% -fno-sanitize% -fPIE -Wnull-dereference,$(CFLAGS)) -fPIC -shared -o $@ $< -ldl
$(patsubst %.c,$(B)/%,$(wildcard tests/unit/*/test_*pkcs11*.c)): $(B)/tests/pkcs11/shim.so
# benchmarks that call the library itself
$(B)/bench/pass $(B)/bench/campaign $(B)/bench/token $(B)/bench/signer $(B)/bench/rates: $(B)/bench/%: $(B)/obj/tests/bench/%.o $(LIBS) $(B)/stamp/link
	$(link)
# a fuzz target is driven by libFuzzer, or by a main() that replays its corpus
ifneq ($(filter fuzz afl,$(VARIANT)),)
$(B)/tests/fuzz/%: LDFLAGS += -fsanitize=fuzzer
$(B)/tests/fuzz/%: $(B)/obj/tests/fuzz/%.o $(B)/libprograms.a $(LIBS) $(B)/stamp/link
	$(link)
else
$(B)/tests/fuzz/%: $(B)/obj/tests/fuzz/%.o $(B)/obj/tests/fuzz/replay.o $(B)/libprograms.a $(LIBS) $(B)/stamp/link
	$(link)
endif

# this one borrows the fixture of the unit tests of the API
$(B)/tests/fuzz/fuzz_api: LDLIBS += -lcmocka

## openapi        build/openapi.json, the description of the API
openapi: $(B)/gen/openapi.c

## unit           the unit tests of this VARIANT
unit: $(TESTS)
	@sh tests/run.sh $(TESTS)
tests: $(TESTS) $(FUZZERS)
fuzzers: $(FUZZERS)

## fuzz-replay    every fuzz target over its kept inputs, under AddressSanitizer
fuzz-replay:
	@$(MAKE) -j$(JOBS) VARIANT=asan fuzzers
	@sh tests/fuzz/replay.sh build/asan/tests/fuzz

## fuzz           every fuzz target for FUZZ_SECONDS (300) of new inputs, one on each core
fuzz:
	@$(MAKE) -j$(JOBS) VARIANT=fuzz fuzzers
	@JOBS='$(JOBS)' sh tests/fuzz/explore.sh build/fuzz/tests/fuzz $(or $(FUZZ_SECONDS),300)

## afl            the same targets under AFL++, where it matters most: CMP, CSRs, firmware images (MCUboot), AFL_SECONDS (300) each
AFL_TARGETS := cmp_header cmp_mac cmp_request cmp_confirmation cmp_revocation csr image
afl:
	@$(MAKE) -j$(JOBS) VARIANT=afl $(AFL_TARGETS:%=build/afl/tests/fuzz/fuzz_%)
	@JOBS='$(JOBS)' sh tests/fuzz/afl.sh build/afl/tests/fuzz $(or $(AFL_SECONDS),300) $(AFL_TARGETS)

## fuzz-keep      takes from both what reaches new code into tests/fuzz/corpus
fuzz-keep:
	@$(MAKE) -j$(JOBS) VARIANT=fuzz fuzzers
	@sh tests/fuzz/keep.sh build/fuzz/tests/fuzz

## headers        each header compiles alone
headers:
	@CC='$(CC)' CFLAGS='$(CFLAGS)' JOBS='$(JOBS)' sh tests/lint/headers.sh

## lint           format, layers, sizes, SQL, words, shell, freestanding core; each check first proves that it finds something
lint:
	@sh tests/lint/run.sh

## format         lays out every C file
format:
	@git ls-files --cached --others --exclude-standard '*.c' '*.h' | xargs clang-format-14 -i

## quick          what to run before each commit
quick: lint headers
	@$(MAKE) -j$(JOBS) all
	@$(MAKE) -j$(JOBS) VARIANT=asan tests
	@$(MAKE) VARIANT=asan unit
	@$(MAKE) fuzz-replay

## tsan           tests with threads, under ThreadSanitizer
ifeq ($(VARIANT),tsan)
tsan: $(TSAN_TESTS)
	@sh tests/run.sh $(TSAN_TESTS)
else
tsan:
	@$(MAKE) -j$(JOBS) VARIANT=tsan tsan
endif

## check          everything: deps, quick, tsan, end to end. The last line counts what passed
check: deps-test
	@MAKE='$(MAKE)' sh tests/check.sh

# a file system that loses what was not synced, and a library that breaks SQLite's promise: tests/chaos/powercut.py
$(B)/chaos/lossyfs: $(wildcard tests/chaos/*.c tests/chaos/*.h) $(B)/stamp/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS) -D_FILE_OFFSET_BITS=64 $(shell pkg-config --cflags fuse3) -o $@ $(filter %.c,$^) -pie $(shell pkg-config --libs fuse3)
$(B)/chaos/controls.so: tests/chaos/controls/controls.c $(B)/stamp/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -Wnull-dereference,$(CFLAGS)) -fPIC -shared -o $@ $< -ldl

# a library that makes one call fail: tests/faults/run.py
$(B)/faults/faults.so: $(wildcard tests/faults/preload/*.c tests/faults/preload/*.h) $(B)/stamp/flags
	@mkdir -p $(@D)
	$(Q)$(CC) $(filter-out -fsanitize% -fno-sanitize% -fPIE -D_FORTIFY_SOURCE% -Wnull-dereference,$(CFLAGS)) -U_FORTIFY_SOURCE -fPIC -shared \
		-o $@ $(filter %.c,$^) -ldl

CHAOS := python3 -B tests/chaos/powercut.py
chaos-build:
	@sh deploy/deps.sh build run chaos
	@$(MAKE) -j$(JOBS) all $(B)/chaos/lossyfs $(B)/chaos/controls.so

## chaos          cuts the power at every CHAOS_EVERY-th (12) operation of every chapter and command, and proves that a broken promise is noticed
chaos: chaos-build
	@$(CHAOS) --every $(or $(CHAOS_EVERY),12)
	@$(CHAOS) --script commands --every $(or $(CHAOS_EVERY),12)
	@$(CHAOS) --every $$((4 * $(or $(CHAOS_EVERY),12))) --again
	@$(MAKE) chaos-controls

# what is broken on purpose must be noticed, or the runs above prove nothing
chaos-controls: chaos-build
	@$(CHAOS) --control lie,normal,early,journal

## chaos-short    what `make check` does of it: a short chapter, cut at every operation, a sample of all the others, and the proof that a broken promise is noticed
chaos-short:
	@if [ ! -c /dev/fuse ]; then echo "SKIPPED: the power-cut tests need /dev/fuse"; else $(MAKE) chaos-build && $(CHAOS) --commit 10; fi

## chaos-random   CHAOS_TRIALS (500) cuts by chance over every chapter, each tenth under many devices at once: above 10,000 acknowledged answers; CHAOS_SEED repeats one, CHAOS_JSON=FILE keeps its table
chaos-random: chaos-build
	@$(CHAOS) --random $(or $(CHAOS_TRIALS),500) $(CHAOS_SEED:%=--seed %) $(CHAOS_JSON:%=--json %)

## chaos-load     CHAOS_TRIALS (40) cuts under many devices at once
chaos-load: chaos-build
	@$(CHAOS) --script fleet --random $(or $(CHAOS_TRIALS),40)


.PHONY: faults faults-build faults-short
FAULTS := python3 -B tests/faults/run.py
faults-build: $(B)/faults/faults.so $(B)/chaos/controls.so
	@sh deploy/deps.sh build run
	@$(MAKE) -j$(JOBS) all

## faults         every fault but a power cut at each of its positions (memory: at FAULTS_MEMORY, 300, of each request); FAULTS_JSON=FILE keeps the table
faults: faults-build
	@$(FAULTS) --controls
	@$(FAULTS) --sample-memory $(or $(FAULTS_MEMORY),300) $(FAULTS_JSON:%=--json %)

## faults-short   what `make check` does of it: some positions of each, and the proof that a broken server is noticed
faults-short: faults-build
	@$(FAULTS) --controls
	@$(FAULTS) --sample 4 --seed 1

## demo           a server, a device, a fleet, on this machine
demo: deps
	@$(MAKE) -j$(JOBS) all
	@deploy/demo.sh

## bench          throughput and latency of this machine
bench:
	@sh deploy/deps.sh build run bench
	@$(MAKE) -j$(JOBS) all
	@tests/bench/run.sh

## soak           SOAK_MINUTES (60) of mixed work with faults: memory, descriptors and the write-ahead log stay flat (docs/measurements.md)
soak:
	@$(MAKE) -j$(JOBS) all
	@BUILD=$(B) python3 -B tests/soak/soak.py
# a leak on purpose must be noticed, or the soak proves nothing
soak-controls:
	@$(MAKE) -j$(JOBS) all
	@for leak in memory descriptors; do \
		BUILD=$(B) python3 -B tests/soak/soak.py --minutes 2 --leak $$leak --folder $(B)/soak-$$leak || exit 1; done

# one file a run: the va_list check of clang 14 carries state from one to the next
## tidy           clang-tidy (.clang-tidy)
tidy:
	@printf '%s\n' $(SRC_LIB) $(SRC_DEVICE) $(SRC_CMD) $(PROGRAMS:%=cmd/%.c) | \
		xargs -P $(JOBS) -n 1 sh -c 'clang-tidy --quiet "$$@" -- $(filter-out $(WARN_gcc),$(CFLAGS))' tidy

## cppcheck       what cppcheck finds
cppcheck:
	@cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--suppressions-list=tests/nightly/cppcheck.txt -D_GNU_SOURCE -I. $(LAYERS) device cmd
## valgrind       every unit test under valgrind
valgrind:
	@$(MAKE) -j$(JOBS) tests
	@WRAP='valgrind -q --error-exitcode=99 --leak-check=full' TEST_SECONDS=1200 sh tests/run.sh \
		$(patsubst %.c,build/%,$(sort $(wildcard tests/unit/*/test_*.c)))

## nightly        all of it, and what takes long, stage by stage (tests/nightly/stages.py; NIGHTLY_ONLY=stage,…): logs in build/nightly/, one table at the end
nightly: deps-nightly
	@python3 -B tests/nightly/nightly.py

# --- house-keeping

## deps           installs the Debian packages that are missing (deploy/packages.txt)
deps:
	@sh deploy/deps.sh build run
deps-test:
	@sh deploy/deps.sh build run test
deps-nightly:
	@sh deploy/deps.sh build run test nightly

VERSION := $(shell sed -n 's/^.define WHORL_VERSION "\(.*\)"/\1/p' cmd/version.h)
version:
	@echo $(VERSION)

## install        programs, units of systemd, manual pages, completion, documents below DESTDIR and PREFIX (/usr/local)
PREFIX ?= /usr/local
install: all
	@B='$(B)' DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' sh deploy/install.sh
## uninstall      takes away what install put there, and nothing else
uninstall:
	@B='$(B)' DESTDIR='$(DESTDIR)' PREFIX='$(PREFIX)' sh deploy/install.sh --remove

## deb            build/whorl_VERSION-1_ARCHITECTURE.deb, for the Debian that it is built on
deb: all
	@sh deploy/deps.sh build deb
	@sh deploy/deb.sh $(B) $(VERSION) $(B)
## deb-test       that package on a bare Debian 13: installed, used, upgraded, removed, purged; twice built, once the same
deb-test:
	@tests/deb/run.sh
## vm-test        that package, and `docker compose up`, on a Debian 13 that boots, with systemd and Docker at work
vm-test:
	@tests/vm/run.sh

## image          the container image whorl:VERSION, by docker, or by podman
IMAGE ?= whorl
image:
	@$$(command -v docker >/dev/null && echo docker build || echo podman build --format docker) -f deploy/Containerfile -t $(IMAGE):$(VERSION) -t $(IMAGE):latest \
		--build-arg VERSION=$(VERSION) --build-arg REVISION=$$(git rev-parse HEAD) --build-arg SOURCE_DATE_EPOCH=$$(git log -1 --format=%ct) \
		--build-arg CREATED=$$(TZ=UTC git log -1 --date=format-local:%Y-%m-%dT%H:%M:%SZ --format=%cd) .

## reproducible   two builds in two folders at two times, compared byte by byte
reproducible:
	@tests/deb/reproducible.sh

## clean          removes build/
clean:
	rm -rf build

help:
	@sed -n 's/^## /make /p' Makefile

-include $(shell find $(B)/obj -name '*.d' 2>/dev/null)
