# Targets follow the GNU coding standards: all check install dist clean ...
# make CC=clang BUILD=debug SAN=address,undefined check-unit

NAME     = platform-backup
VERSION  = 0.1.0
CC       = gcc
prefix   = /usr/local
bindir   = $(prefix)/bin
mandir   = $(prefix)/share/man
INSTALL  = install
comma    = ,
Q        = $(if $(V),,@echo '  $(@:$(O)/%=%)';)
BUILD    = release
O        = build/$(notdir $(CC))-$(BUILD)$(if $(SAN),-$(subst $(comma),-,$(SAN)))
LIBS     = -lcurl -lyaml -lcjson -lcrypto -lzstd -larchive -lexpat -lsqlite3

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
OPT_debug    = -O1 -g3 -fno-omit-frame-pointer
OPT_coverage = -O0 -g --coverage -fprofile-abs-path
LD_coverage  = --coverage
CFLAGS_ALL   = $(BASE) $(WARN) $(WARN_$(notdir $(CC))) $(OPT_$(BUILD)) \
               $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all) $(CFLAGS)
LDFLAGS_ALL  = -pthread $(LD_$(BUILD)) $(if $(SAN),-fsanitize=$(SAN)) $(LDFLAGS)

SRC      := $(sort $(wildcard src/*/*.c))
OBJ      := $(SRC:%.c=$(O)/%.o)
TESTS    := $(patsubst tests/%.c,$(O)/%,$(sort $(wildcard tests/unit/test_*.c)))
TESTLIB  := $(patsubst %.c,$(O)/%.o,$(sort $(wildcard tests/lib/*.c)))
.SECONDARY:

all: bin/$(NAME)

bin/$(NAME): $(O)/$(NAME)
	@mkdir -p bin
	$(Q)cp $< $@.new && mv $@.new $@

$(O)/$(NAME): $(O)/src/main.o $(O)/lib.a
	$(Q)$(CC) $(LDFLAGS_ALL) -o $@ $^ $(LIBS) $(LDLIBS)

$(O)/lib.a: $(OBJ)
	$(Q)rm -f $@ && $(AR) rcsD $@ $^

$(O)/%.o: %.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) -c -o $@ $<

# --- tests: one program per module, each linked with the whole library
$(O)/unit/%: $(O)/tests/unit/%.o $(TESTLIB) $(O)/lib.a
	@mkdir -p $(@D)
	$(Q)$(CC) $(LDFLAGS_ALL) -Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc \
	    -o $@ $^ -lcmocka $(LIBS) $(LDLIBS)

check: check-style check-unit
check-unit: $(TESTS)
	@set -e; for t in $(TESTS); do $(RUN) ./$$t; done
check-style: $(OBJ)
	sh tests/style/layers.sh src/LAYERS src
	sh tests/style/symbols.sh $(O)/src
	sh tests/style/size.sh
	clang-format --dry-run --Werror $(wildcard src/*.c src/*/*.[ch] tests/*/*.[ch])
format:
	clang-format -i $(wildcard src/*.c src/*/*.[ch] tests/*/*.[ch])
clean:
	rm -rf build bin

-include $(OBJ:.o=.d) $(O)/src/main.d
.PHONY: all check check-unit check-style format clean
