# Targets follow the GNU coding standards: all check install dist clean ...
# make help names them.  Another build: make CC=clang BUILD=debug
# SAN=address,undefined check-unit

NAME     = platform-backup
VERSION  = 0.1.0
CC       = gcc
prefix   = /usr/local
bindir   = $(prefix)/bin
mandir   = $(prefix)/share/man
libexecdir = $(prefix)/libexec
INSTALL  = install
STRIP    = strip
PYTHON   = python3
comma    = ,
Q        = $(if $(V),,@echo '  $(@:$(O)/%=%)';)
BUILD    = release
O        = build/$(notdir $(CC))-$(BUILD)$(if $(SAN),-$(subst $(comma),-,$(SAN)))
LIBS     = -lcurl -lwslay -lyaml -lcjson -lssl -lcrypto -lzstd -lexpat -lsqlite3

# --- flags: what every build gets, then what each kind of build adds
WERROR   = -Werror
WARN     = $(WERROR) -Wall -Wextra -Wpedantic -Wconversion -Wsign-conversion \
           -Wshadow -Wvla -Wformat=2 -Wstrict-prototypes \
           -Wold-style-definition -Wmissing-prototypes -Wpointer-arith \
           -Wcast-qual -Wwrite-strings -Wundef \
           -Wnull-dereference -Wdouble-promotion -Wswitch-enum \
           -Wimplicit-fallthrough -Wredundant-decls -Wnested-externs \
           -Wdate-time
WARN_gcc = -Wformat-signedness -Wcast-align=strict -Wduplicated-cond \
           -Wduplicated-branches -Wlogical-op -Wjump-misses-init \
           -Wstack-usage=40960 -Walloc-zero -Wtrampolines
HARDEN   = -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3 -fstack-protector-strong \
           -fstack-clash-protection -fcf-protection=full -fPIE \
           -fno-delete-null-pointer-checks -fno-strict-overflow \
           $(HARDEN_$(notdir $(CC)))
HARDEN_gcc = -ftrivial-auto-var-init=zero
HARDLD   = -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code \
           -Wl,--as-needed -Wl,--build-id=sha1
BASE     = -std=c11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -Isrc \
           -DVERSION='"$(VERSION)"' $(if $(filter src/%,$<),-include base/banned.h) \
           -fno-common -fvisibility=hidden -ffile-prefix-map=$(CURDIR)=. \
           -MMD -MP -pthread

OPT_release  = -O2 -g $(HARDEN) -ffunction-sections -fdata-sections
LD_release   = $(HARDLD) -Wl,--gc-sections
# finds its libraries, and they find each other, in the charm
OPT_charm    = $(OPT_release)
LD_charm     = $(LD_release) -Wl,--disable-new-dtags \
               -Wl,-rpath,'$$ORIGIN/../usr/lib'
OPT_debug    = -O1 -g3 -fno-omit-frame-pointer
OPT_coverage = -O0 -g --coverage -fprofile-abs-path -Wno-stack-usage -DCOVERAGE
LD_coverage  = --coverage
CFLAGS_ALL   = $(BASE) $(WARN) $(WARN_$(notdir $(CC))) $(OPT_$(BUILD)) \
               $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -Wno-null-dereference) $(CFLAGS)
LDFLAGS_ALL  = -pthread $(LD_$(BUILD)) $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)

SRC      := $(sort $(wildcard src/*/*.c))
OBJ      := $(SRC:%.c=$(O)/%.o)
programs  = $(patsubst tests/%.c,$(O)/%,$(sort $(wildcard tests/$1)))
UNIT     := $(call programs,unit/test_*.c)
CONFORM  := $(call programs,conform/*.c)
FUZZ     := $(call programs,fuzz/fuzz_*.c)
TESTLIB  := $(patsubst %.c,$(O)/%.o,$(sort $(wildcard tests/lib/*.c)))
CHECKED   = $(wildcard src/*.c src/*/*.c)
FORMATTED = $(wildcard src/*.c src/*/*.[ch] tests/*/*.[ch])
SHELL_FILES = $(wildcard .ci/run tests/*/*.sh tests/*/run actions/* hooks/* tools/*)
.SECONDARY:

# As many jobs as processors, unless make was told a number.
NPROC    := $(shell nproc 2>/dev/null || echo 2)
PARALLEL  = $(if $(findstring -j,$(MAKEFLAGS)),,-j$(NPROC))
SUBMAKE   = +@$(MAKE) --no-print-directory
SETUP     = @sh tests/lib/setup.sh
# Before each test program: make RUN='valgrind -q' check-unit
RUN       =
RUNNER    = @RUN='$(RUN)' LOGS='$(O)/logs' sh tests/lib/run.sh

all:
	$(SUBMAKE) $(PARALLEL) bin/$(NAME)

# The one that was asked for last, whatever stands there and is newer.
bin/$(NAME): $(O)/$(NAME) force
	@mkdir -p bin
	@cmp -s $< $@ || { echo '  $@' && cp $< $@.new && mv $@.new $@; }

$(O)/$(NAME): $(O)/src/main.o $(O)/lib.a
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS) $(LDLIBS)

$(O)/lib.a: $(OBJ)
	$(Q)rm -f $@ && $(AR) rcsD $@ $^

$(O)/%.o: %.c | $(O)/headers
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -c -o $@ $<

# One clear sentence instead of a page of errors where something is missing.
$(O)/headers:
	@mkdir -p $(@D)
	@command -v $(CC) >/dev/null || { echo '$(CC) is missing;' \
	    'run "make setup" to install what the build needs' >&2; exit 1; }
	@printf '#include <%s>\n' curl/curl.h wslay/wslay.h yaml.h cjson/cJSON.h \
	    openssl/evp.h zstd.h expat.h sqlite3.h >$@.c
	@$(CC) $(CPPFLAGS) $(CFLAGS) -E -o /dev/null $@.c 2>$@.log || { \
	    cat $@.log; echo 'libraries are missing; run "make setup" to' \
	    'install what the build needs'; exit 1; } >&2
	@touch $@

# What is sent into a pod that has a SQLite database, beside the program; for
# both kinds of machine.
helper:
	$(SETUP) helper
	@tools/helper build/helper
	@mkdir -p bin && cp build/helper/platform-backup-sqlite.* bin/

# What is handed over has both, whatever machine it goes to.
HELPERS  = $(addprefix build/helper/platform-backup-sqlite.,amd64 arm64)
helpers: helper
	@for f in $(HELPERS); do test -f $$f || { \
	    echo "$$f was not built" >&2; exit 1; }; done

setup:
	$(SETUP) build test analyze

# --- tests: one program per module, each linked with the whole library, in
# which calls of the system and of libraries can be made to fail
WRAPPED  := $(sort $(shell sed -n 's/^__wrap_\([A-Za-z0-9_]*\).*/\1/p; s/^FAILS.[^,]*, \([A-Za-z0-9_]*\),.*/\1/p' tests/lib/fail*.c))
TEST_LINK = $(Q)mkdir -p $(@D) && $(CC) $(LDFLAGS_ALL) \
            $(WRAPPED:%=-Wl,--wrap=%) \
            -o $@ $^ -lcmocka $(LIBS) $(LDLIBS)

$(O)/unit/%: $(O)/tests/unit/%.o $(TESTLIB) $(O)/lib.a
	$(TEST_LINK)

$(O)/conform/%: $(O)/tests/conform/%.o $(TESTLIB) $(O)/lib.a
	$(TEST_LINK)
$(O)/conform/conform_exec: WRAPPED += websocket_open

# A parser's fuzz target with a plain main, which replays the corpus.
$(O)/fuzz/%: $(O)/tests/fuzz/%.o $(O)/tests/fuzz/replay.o $(O)/lib.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS) $(LDLIBS)

check:
	$(SETUP) build test
	$(SUBMAKE) $(PARALLEL) bin/$(NAME) programs
	$(SUBMAKE) -j1 check-style check-unit check-fuzz check-conform \
	    check-integration check-fault
	@echo 'all checks passed'

programs: $(UNIT) $(CONFORM) $(FUZZ)

check-unit: $(UNIT)
	$(RUNNER) unit $(UNIT)

check-conform: $(CONFORM) bin/$(NAME)
	@LOGS='$(O)/logs' bash tests/conform/run $(CONFORM)

check-fuzz: $(FUZZ)
	$(RUNNER) fuzz $(FUZZ)

check-integration: bin/$(NAME)
	@bash tests/integration/run $(ONLY)

# EVERY=1: all cases of the network, not each eighth.  SOAK_TIME: seconds; what
# takes that long begins first.
SOAK = tests/fault/70-soak.sh
check-fault: bin/$(NAME)
	@bash tests/integration/run $(or $(ONLY),$(SOAK) \
	    $(filter-out $(SOAK),$(sort $(wildcard tests/fault/[0-9]*.sh))))

check-style: $(OBJ) bin/$(NAME)
	@CC='$(CC)' OBJ='$(O)/src' FORMATTED='$(FORMATTED)' \
	    SHELL_FILES='$(SHELL_FILES)' sh tests/style/run

check-asan:
	$(SUBMAKE) $(PARALLEL) BUILD=debug SAN=address,undefined programs
	$(SUBMAKE) BUILD=debug SAN=address,undefined check-unit check-fuzz

check-tsan:
	$(SUBMAKE) $(PARALLEL) BUILD=debug SAN=thread programs
	$(SUBMAKE) BUILD=debug SAN=thread check-unit

# Where a test tries many places and ASan tried all, each thirteenth.
check-valgrind: export SPARSE = 13
check-valgrind:
	$(SUBMAKE) $(PARALLEL) BUILD=debug programs
	$(SUBMAKE) BUILD=debug check-unit \
	    RUN='valgrind -q --error-exitcode=9 --leak-check=full --errors-for-leak-kinds=definite'

# by the environment: the flags have quotes of their own
analyze fuzz: export FLAGS = $(filter-out -MMD -MP,$(BASE))
analyze:
	$(SETUP) build analyze
	@sh tests/style/analyze.sh $(CHECKED)

# Of all tests together, but for those in which the program is killed: what is
# killed leaves no figures.
COVER_LINES = 95
COVER_FAULT = $(filter-out %kill% %/70-soak.sh,$(sort $(wildcard tests/fault/[0-9]*.sh)))
COVER_RUN   = @PB=$(CURDIR)/build/coverage/charm/bin/$(NAME) \
              CHARM=$(CURDIR)/build/coverage/charm bash tests/integration/run
coverage:
	$(SETUP) build test analyze
	$(SUBMAKE) $(PARALLEL) BUILD=coverage O=build/coverage programs \
	    build/coverage/$(NAME)
	@rm -rf build/coverage/charm && mkdir -p build/coverage/charm/bin
	@cp -RL $(wildcard $(CHARM)) build/coverage/charm/
	@cp build/coverage/$(NAME) build/coverage/charm/bin/
	@find build/coverage -name '*.gcda' -delete
	$(SUBMAKE) BUILD=coverage O=build/coverage check-unit check-fuzz
	@LOGS=build/coverage/logs bash tests/conform/run \
	    $(CONFORM:$(O)/%=build/coverage/%)
	$(COVER_RUN) $(filter-out %/10-build-and-help.sh,$(sort $(wildcard tests/integration/[0-9]*.sh)))
	$(COVER_RUN) $(COVER_FAULT)
	@sh tests/style/coverage.sh build/coverage $(COVER_LINES)

# New inputs for each parser; what is found is kept in build/fuzz.
FUZZ_TIME = 60
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))
fuzz:
	$(SETUP) build analyze
	$(SUBMAKE) $(PARALLEL) CC=clang BUILD=debug O=build/fuzz \
	    SAN=fuzzer-no-link,address,undefined build/fuzz/lib.a
	@LIBS='build/fuzz/lib.a $(LIBS)' bash tests/fuzz/run $(FUZZ_TIME) \
	    $(FUZZ_SRC)

demo:
	$(SETUP) build demo
	$(SUBMAKE) all
	@bash tests/demo/run

# BENCH_ONLY and sizes: tests/bench/run.  Its figures are in build/bench until
# they are published: bench/results.json, bench/figures.svg, README.md.
bench:
	$(SETUP) build bench
	$(SUBMAKE) all $(patsubst tests/%.c,$(O)/%,$(wildcard tests/bench/*.c))
	@bash tests/bench/run $(O)/bench

bench-publish:
	@$(PYTHON) tests/bench/report.py publish build/bench

$(O)/bench/%: $(O)/tests/bench/%.o
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ -lcurl

# --- what is handed over
install: bin/$(NAME)
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(mandir)/man8
	$(INSTALL) -m 755 bin/$(NAME) $(DESTDIR)$(bindir)/$(NAME)
	$(INSTALL) -m 644 man/$(NAME).8 $(DESTDIR)$(mandir)/man8/$(NAME).8
	for f in $(wildcard build/helper/platform-backup-sqlite.*); do \
	    $(INSTALL) -d $(DESTDIR)$(libexecdir)/$(NAME) && \
	    $(INSTALL) -m 755 $$f $(DESTDIR)$(libexecdir)/$(NAME)/; done

install-strip: install
	$(STRIP) $(DESTDIR)$(bindir)/$(NAME)

uninstall:
	rm -f $(DESTDIR)$(bindir)/$(NAME) $(DESTDIR)$(mandir)/man8/$(NAME).8
	rm -rf $(DESTDIR)$(libexecdir)/$(NAME)

installcheck:
	@sh tests/lib/installcheck.sh $(DESTDIR)$(bindir)/$(NAME) $(VERSION)

# What "charmcraft pack" makes, for where there is no charmcraft: the program
# with the libraries of this machine beside it.
CHARM    = metadata.yaml config.yaml actions.yaml LICENSE actions hooks
charm: helpers
	$(SUBMAKE) $(PARALLEL) BUILD=charm O=build/charm-objects \
	    build/charm-objects/$(NAME)
	@rm -rf build/charm && mkdir -p build/charm/bin
	@cp -RL $(wildcard $(CHARM)) build/charm/
	@$(INSTALL) -s -m 755 build/charm-objects/$(NAME) build/charm/bin/
	@cp $(HELPERS) build/charm/bin/
	@sh tests/lib/charm.sh build/charm build/$(NAME).charm

DIST = $(NAME)-$(VERSION)
dist: helpers
	git archive --format=tar --prefix=$(DIST)/build/helper/ \
	    $(HELPERS:%=--add-file=%) --prefix=$(DIST)/ HEAD | \
	    gzip -9n >build/$(DIST).tar.gz

distcheck: dist
	rm -rf build/distcheck && mkdir -p build/distcheck
	tar -xzf build/$(DIST).tar.gz -C build/distcheck
	$(SUBMAKE) -C build/distcheck/$(DIST) all check-unit
	$(SUBMAKE) -C build/distcheck/$(DIST) install installcheck \
	    DESTDIR=$(CURDIR)/build/distcheck/root
	$(SUBMAKE) -C build/distcheck/$(DIST) uninstall \
	    DESTDIR=$(CURDIR)/build/distcheck/root
	@test -z "$$(find build/distcheck/root -type f)"
	rm -rf build/distcheck

format:
	clang-format -i $(FORMATTED)
clean:
	rm -rf build bin
distclean: clean

help:
	@sed -n 's/^\([a-z-]*\):.*/\1/p' Makefile | sort | tr '\n' ' '; echo

-include $(OBJ:.o=.d) $(O)/src/main.d $(wildcard $(O)/tests/*/*.d)
.PHONY: force all helper helpers setup check programs check-unit check-conform check-fuzz \
    check-integration check-fault check-style check-asan check-tsan check-valgrind \
    analyze coverage fuzz demo bench bench-publish install install-strip uninstall \
    installcheck charm dist distcheck format clean distclean help
